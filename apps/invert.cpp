/// engram-invert: makes images like a classifier's training set from the classifier alone.

#include "apps/common/exit_code.h"
#include "apps/common/inversion_batches.h"
#include "apps/common/inversion_result.h"
#include "apps/common/synthetic_set.h"
#include "apps/programs.h"
#include "engine/random.h"
#include "models/data/image_folder.h"
#include "models/nets/finite_outputs.h"

namespace engram::apps {
namespace {

/// Refuses a network that overflows on noise, with which the methods begin: no step could go well.
void check_usable(Network& network) {
  const ImageShape image = network.image();
  Generator generator(0);
  const Tensor noise = normal({2, image.channels, image.height, image.width}, generator, 0, 1, network.device());
  check_finite_outputs("invert", "logits", network, noise, network.logits_inference(noise).to_vector());
}

/// Reads a classifier, which the run depends on under a name.
Classifier read_network(Program& program, const InvertSettings& s, const std::string& name,
                        const std::filesystem::path& path) {
  program.add_input(name, classifier_file(path));
  Classifier classifier =
      open_classifier(path, s.assumed, program.device(), s.common.quiet ? nullptr : program.call().err);
  check_usable(*classifier.network);
  return classifier;
}

/// Reads the classifier to invert.
Classifier read_classifier(Program& program, const InvertSettings& s) {
  Classifier classifier = read_network(program, s, "classifier", s.classifier);
  if (const dim_t channels = classifier.network->image().channels; channels != 1 && channels != 3)
    throw DataError(message(s.classifier.string(), ": expected a classifier of images with 1 or 3 channels, which can ",
                            "be shown, got ", channels));
  return classifier;
}

/// The set of all batches, and what the classifier says of it.
Outcome finish(RunDir& dir, const InvertSettings& s, const Classifier& classifier) {
  const int classes = classifier.network->num_classes();
  const std::vector<std::int64_t> batches = batches_of_shard(s);
  const std::filesystem::path packed = pack_batches(dir.path(), batches, classes);
  const Recognition own = write_inversion_result(dir, read_packed_images(packed, classes), classifier, s,
                                                 std::int64_t(batches.size()) * s.iterations);
  dir.set_fact("classifier_accuracy_on_samples", own.share());
  dir.set_fact("samples", own.images);
  return {.text = message("samples: ", packed.string(), " and ", (dir / "samples").string(),
                          "\npictures: ", (dir / "images").string(), "\n", recognition_text(own))};
}

}  // namespace

int run_invert(Call& call) {
  InvertSettings settings;
  Cli cli(call, "Makes images like the training set of a classifier, from the classifier alone, without any data.");
  add_invert_settings(cli, settings);
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  Program program(cli, settings.common);
  const Classifier classifier = read_classifier(program, settings);
  complete_settings(settings, classifier.network->num_classes());
  Classifier student;
  if (!settings.student.empty()) student = read_network(program, settings, "student", settings.student);
  InversionBatches batches(program, settings, classifier, student.network.get());
  if (program.only_checks()) return program.check();
  FilePatterns files = InversionBatches::files();
  files.insert(files.end(), {"samples.safetensors", "images/final.png", kRecognitionFile});
  RunDir& run = program.open(files);
  if (program.resumes()) batches.take_up(run);
  return program.run([&](RunDir& dir) {
    const std::string stopped = batches.make(dir);
    return stopped.empty() ? finish(dir, settings, classifier) : Outcome{.stopped = stopped};
  });
}

}  // namespace engram::apps
