#include "apps/common/invert_settings.h"

#include <cstdio>

#include "models/methods/inversion/inversion_registry.h"

namespace engram::apps {

void add_invert_settings(Cli& cli, InvertSettings& s) {
  cli.group("What to invert");
  cli.positional("classifier", &s.classifier,
                 "Trained classifier: a .safetensors file, or the run folder of engram-train")
      .only_on_command_line()
      .required("resume")
      .input();
  add_classifier_options(cli, s.assumed);
  cli.group("Method");
  cli.option("method", &s.method,
             "How images are made: " + inversion_names() + "; or a JSON object with settings (--help NAME)")
      .names_part(check_inversion_method);
  cli.parts("method", inversion_entries());
  cli.option("student", &s.student, "Classifier that adi, deepinv-cmi, cmi, fast and nayer compete with, if any")
      .input();
  cli.option("batch-size", &s.batch_size, "Images optimised together").at_least(1).at_most(65536);
  cli.option("num-batches", &s.num_batches, "Batches in all, each from its own seed").at_least(1).at_most(1000000);
  cli.option("shard", &s.shard, "Which part of the batches to make, I/N: for N machines, or runs, of one set");
  cli.option("iterations", &s.iterations, "Optimisation steps a batch; 0: as many as published")
      .at_least(0)
      .at_most(1000000000);
  cli.option("bn-weight", &s.bn_weight, "Coefficient of the statistics' distances; negative: the published one");
  cli.option("tv-weight", &s.tv_weight, "Coefficient of the total variation; negative: the published one");
  cli.option("l2-weight", &s.l2_weight, "Coefficient of the norm; negative: the published one");
  cli.option("lr-generator", &s.lr_generator, "NaturalInversion: Adam's rate for the generator").at_least(0);
  cli.option("lr-pyramid", &s.lr_pyramid, "NaturalInversion: for the feature pyramid").at_least(0);
  cli.option("lr-alpha", &s.lr_alpha, "NaturalInversion: for the channel scales").at_least(0);
  cli.option("lr-pixels", &s.lr_pixels, "DeepInversion: for the pixels").at_least(0);
  cli.option("max-shift", &s.max_shift, "Largest circular shift before the classifier, in pixels")
      .at_least(0)
      .at_most(31);
  cli.option("plain-addition", &s.plain_addition,
             "NaturalInversion: scale the sum of image and pyramid as the paper's figure shows, without the 1x1 "
             "convolution and tanh that the "
             "released code puts between them");
  cli.option("pyramid", &s.pyramid, "NaturalInversion: with the feature pyramid");
  cli.option("channel-scaling", &s.channel_scaling, "NaturalInversion: with the scales of image and channel");
  cli.option("one-generator", &s.one_generator,
             "NaturalInversion: one generator and pyramid for all batches, which go on learning");
  cli.option("graph", &s.graph, "On CUDA devices: repeat the iteration as one CUDA graph");
  cli.group("Results");
  cli.option("pixels", &s.pixels,
             "From network input to bytes: contrast stretched per image (as released), or the normalisation undone")
      .choices({"per-image", "denormalized"});
  cli.option("grid-every", &s.grid_every, "Steps between pictures of the batch").at_least(1);
  cli.option("grid-images", &s.grid_images, "Images in a picture").at_least(1);
  cli.option("checkpoint-steps", &s.checkpoint_steps,
             "Steps between checkpoints of a batch; 0 is at an interruption only")
      .at_least(0);
  add_training_run_options(cli, s.common);
}

void complete_settings(InvertSettings& s, int num_classes) {
  const dim_t published = published_iterations(s.method, num_classes);
  if (s.iterations == 0) s.iterations = published;
}

std::vector<std::int64_t> batches_of_shard(const InvertSettings& s) {
  int part = 0, parts = 0, end = 0;
  if (std::sscanf(s.shard.c_str(), "%d/%d%n", &part, &parts, &end) != 2 || end != int(s.shard.size()) || part < 1 ||
      part > parts)
    throw UsageError(message("--shard: expected I/N with 1 <= I <= N, got '", s.shard, "'"));
  if (parts > 1 && (carries_batches(s.method) || s.one_generator))
    throw UsageError(message("--shard: expected a method whose batches are made one by one, got ", s.method,
                             ", whose batches learn from those before"));
  std::vector<std::int64_t> batches;
  for (std::int64_t batch = part - 1; batch < s.num_batches; batch += parts) batches.push_back(batch);
  if (batches.empty())
    throw UsageError(
        message("--shard: expected at most as many parts as the ", s.num_batches, " batches, got ", s.shard));
  return batches;
}

InversionOptions inversion_options(const InvertSettings& s, int num_classes) {
  InversionOptions o;
  o.method = s.method;
  o.batch_size = s.batch_size;
  o.weights = published_weights(s.method, num_classes);
  if (s.bn_weight >= 0) o.weights.bn = float(s.bn_weight);
  if (s.tv_weight >= 0) o.weights.tv = float(s.tv_weight);
  if (s.l2_weight >= 0) o.weights.l2 = float(s.l2_weight);
  o.lr_generator = float(s.lr_generator);
  o.lr_pyramid = float(s.lr_pyramid);
  o.lr_alpha = float(s.lr_alpha);
  o.lr_pixels = float(s.lr_pixels);
  o.max_shift = int(s.max_shift);
  o.plain_addition = s.plain_addition;
  o.pyramid = s.pyramid;
  o.channel_scaling = s.channel_scaling;
  o.one_generator = s.one_generator;
  o.iterations = s.iterations;
  return o;
}

}  // namespace engram::apps
