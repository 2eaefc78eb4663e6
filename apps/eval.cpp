/// engram-eval: accuracy of a classifier on a data set or on synthesised images.

#include <chrono>
#include <cstdio>
#include <optional>

#include "apps/common/classifier_options.h"
#include "apps/common/common_options.h"
#include "apps/common/evaluation_report.h"
#include "apps/common/exit_code.h"
#include "apps/common/main_wrapper.h"
#include "apps/common/predictions.h"
#include "apps/common/profile_report.h"
#include "engine/io/atomic_file.h"
#include "engine/ops/conv2d.h"
#include "engine/roofline.h"
#include "models/data/network_images.h"
#include "models/data/open_dataset.h"

namespace engram::apps {
namespace {

struct EvalSettings {
  CommonOptions common;
  std::filesystem::path classifier, data, out, predictions;
  std::string dataset = "auto", split = "test";
  ClassifierOptions assumed;
  std::int64_t batch_size = 256, limit = 0;
  bool flip = false, exact = false, profile = false;
};

void add_settings(Cli& cli, EvalSettings& s) {
  cli.positional("CLASSIFIER", &s.classifier, "Classifier: a .safetensors file, or the run folder of engram-train")
      .required();
  cli.group("Data");
  cli.option(
         "data", &s.data,
         "Folder of the data set, folder of class folders of PNG, packed images, or the run folder of engram-invert")
      .required();
  cli.option("dataset", &s.dataset, "Kind of data set").choices(dataset_kinds());
  cli.option("split", &s.split, "Part of the data set").choices({"train", "test"});
  cli.option("limit", &s.limit, "Take this many images, spread evenly over the set; 0 takes all").at_least(0);
  cli.group("Classifier");
  add_classifier_options(cli, s.assumed);
  cli.option("flip", &s.flip, "Average the logits of each image and its mirror image");
  cli.option("exact", &s.exact, "Direct convolutions instead of Winograd");
  cli.group("Running");
  cli.option("batch-size", &s.batch_size, "Images at a time").at_least(1).at_most(65536);
  cli.option("threads", &s.common.threads, "Threads; 0 takes all cores, or OMP_NUM_THREADS").at_least(0).at_most(1024);
  add_device_options(cli, s.common);
  cli.option("profile", &s.profile, "Print calls, time and cost of each operation at the end");
  cli.group("Output");
  cli.option("out", &s.out, "Write the result to this JSON file as well, replacing it").only_on_command_line();
  cli.option("predictions", &s.predictions,
             "Write index, label, predicted class and logits of each image to this CSV file, replacing it")
      .only_on_command_line();
}

ImageDataset open_images(const EvalSettings& s, const Network& network) {
  ImageDataset data = network_images(open_dataset(s.dataset, s.data, parse_split(s.split), network.num_classes()),
                                     network.image(), s.data.string());
  if (s.limit == 0 || s.limit >= data.count) return data;
  std::vector<dim_t> indices;
  for (dim_t i = 0; i < s.limit; ++i) indices.push_back(i * data.count / s.limit);
  return select(data, indices);
}

int evaluate_classifier(const EvalSettings& s) {
  set_conv_policy(s.exact ? kernels::ConvPolicy::kExact : kernels::ConvPolicy::kFast);
  const OpenedDevice opened = open_device(s.common);
  const Classifier classifier = open_classifier(s.classifier, s.assumed, opened.device, s.common.quiet);
  Network& network = *classifier.network;
  const ImageDataset data = open_images(s, network);
  // Opened first: a file that cannot be written is better known before the work than after it.
  std::optional<io::AtomicFile> out, predictions_out;
  if (!s.out.empty()) out.emplace(s.out);
  if (!s.predictions.empty()) predictions_out.emplace(s.predictions);

  profiler::Roofline roofline{};
  if (s.profile) {
    roofline = measure_roofline(opened.device);
    profiler::enable(true);
  }
  const auto start = std::chrono::steady_clock::now();
  EvaluateOptions options{.batch_size = s.batch_size, .flip = s.flip, .normalization = classifier.normalization};
  Predictions predictions;
  if (predictions_out)
    options.observe = [&](std::int32_t label, std::span<const float> logits) { predictions.add(label, logits); };
  const Evaluation result = evaluate(network, data, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  const EvaluationSubject subject{.classifier = s.classifier.string(),
                                  .arch = network.arch(),
                                  .num_parameters = network.num_parameters(),
                                  .data = s.data.string(),
                                  .dataset = data.name,
                                  .split = data.split,
                                  .class_names = data.class_names,
                                  .flip = s.flip,
                                  .exact = s.exact,
                                  .device = to_string(opened.device),
                                  .device_note = opened.note,
                                  .seconds = seconds};
  std::fputs(evaluation_text(subject, result).c_str(), stdout);
  if (s.profile) std::printf("\n%s", profile_text(roofline).c_str());
  if (out) {
    out->write(evaluation_json(subject, result));
    out->commit();
  }
  if (predictions_out) {
    predictions_out->write(predictions_csv(predictions));
    predictions_out->commit();
  }
  return kExitOk;
}

int program(int argc, char** argv) {
  EvalSettings settings;
  Cli cli("engram-eval",
          "Measures a classifier on a labelled data set or on synthesised images: accuracy, loss, "
          "accuracy of each class, confusion table.");
  add_settings(cli, settings);
  cli.footer("The images are normalised by the constants that the classifier's file names, or CIFAR's.");
  if (!cli.parse(argc, argv)) return kExitOk;
  apply_threads(settings.common);
  return evaluate_classifier(settings);
}

}  // namespace
}  // namespace engram::apps

int main(int argc, char** argv) {
  return engram::apps::run_main("engram-eval", [&] { return engram::apps::program(argc, argv); });
}
