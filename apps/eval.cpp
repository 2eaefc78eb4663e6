/// engram-eval: accuracy of a classifier on a data set or on synthesised images.

#include <chrono>

#include "apps/common/classifier_images.h"
#include "apps/common/classifier_options.h"
#include "apps/common/common_options.h"
#include "apps/common/data_of_run.h"
#include "apps/common/data_settings.h"
#include "apps/common/evaluation_report.h"
#include "apps/common/exit_code.h"
#include "apps/common/output_file.h"
#include "apps/common/predictions.h"
#include "apps/common/profile_report.h"
#include "apps/programs.h"
#include "engine/roofline.h"
#include "engine/stop_scope.h"
#include "models/data/evenly_spread.h"

namespace engram::apps {
namespace {

struct EvalSettings {
  CommonOptions common;
  std::filesystem::path classifier, predictions;
  DataSettings images;
  std::string split = "test";
  ClassifierOptions assumed;
  std::int64_t batch_size = 256, limit = 0;
  bool flip = false;
};

void add_settings(Cli& cli, EvalSettings& s) {
  cli.positional("CLASSIFIER", &s.classifier, "Classifier: a .safetensors file, or the run folder of engram-train")
      .input()
      .required();
  cli.group("Data");
  cli.option("data", &s.images.data,
             "Folder of the data set, folder of class folders of PNG or JPEG, packed images, or the folder of a run: "
             "the images of an inversion, the data set of a training")
      .input()
      .required();
  add_image_settings(cli, s.images);
  cli.option("split", &s.split, "Part of the data set").choices({"train", "test"});
  cli.option("domains", &s.images.test_domains,
             "PACS: domains to test on as a whole; none takes the validation lists of all");
  add_limit_option(cli, s.limit, "images");
  cli.group("Classifier");
  add_classifier_options(cli, s.assumed);
  add_test_flip_option(cli, s.flip);
  add_running_options(cli, s.common);
  cli.option("batch-size", &s.batch_size, "Images at a time").at_least(1).at_most(65536);
  add_compute_options(cli, s.common);
  add_file_option(cli, s.common.out, "the result as JSON");
  cli.option("predictions", &s.predictions,
             "Write index, label, predicted class and logits of each image to this CSV file, replacing it")
      .only_on_command_line()
      .output();
}

ImageDataset open_images(const EvalSettings& s, const Classifier& classifier, std::ostream* notes) {
  const DataSettings images = data_of_run(s.images, notes);
  return evenly_spread(open_classifier_images(classifier, request_of(images, parse_split(s.split)), notes), s.limit);
}

int evaluate_classifier(const Call& call, const EvalSettings& s, bool only_checks) {
  const OpenedDevice opened = open_device(s.common);
  // Opened first: a file that cannot be written is better known before the work, reading too, than after it.
  const auto unless_checking = [&](const std::filesystem::path& path) { return only_checks ? "" : path; };
  OutputFile out(call, unless_checking(s.common.out)), predictions_out(call, unless_checking(s.predictions));
  std::ostream* const notes = s.common.quiet ? nullptr : call.err;
  const Classifier classifier = open_classifier(s.classifier, s.assumed, opened.device, notes);
  Network& network = *classifier.network;
  const ImageDataset data = open_images(s, classifier, notes);
  if (only_checks) return kExitOk;

  profiler::Roofline roofline{};
  if (s.common.profile) {
    roofline = measure_roofline(opened.device);
    profiler::enable(true);
  }
  const auto start = std::chrono::steady_clock::now();
  EvaluateOptions options{.batch_size = s.batch_size, .flip = s.flip, .normalization = classifier.normalization};
  Predictions predictions;
  options.observe = [&](std::int32_t label, std::span<const float> logits) {
    leave_if_stopped("the classifier was tested; nothing was written");
    if (predictions_out.is_open()) predictions.add(label, logits);
  };
  const Evaluation result = evaluate(network, data, options);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();

  const EvaluationSubject subject{.classifier = s.classifier.string(),
                                  .arch = network.arch(),
                                  .num_parameters = network.num_parameters(),
                                  .data = s.images.data.string(),
                                  .dataset = data.name,
                                  .split = data.split,
                                  .class_names = data.class_names,
                                  .flip = s.flip,
                                  .exact = s.common.exact,
                                  .device = to_string(opened.device),
                                  .device_note = opened.note,
                                  .seconds = seconds};
  // Beside a result on standard output, the text for people goes to standard error.
  std::ostream& text = &out.text() == call.out ? predictions_out.text() : out.text();
  text << evaluation_text(subject, result);
  if (s.common.profile) text << "\n" << profile_text(roofline);
  if (out.is_open()) out.write(evaluation_json(subject, result));
  if (predictions_out.is_open()) predictions_out.write(predictions_csv(predictions));
  out.commit();
  predictions_out.commit();
  return kExitOk;
}

}  // namespace

int run_eval(Call& call) {
  EvalSettings settings;
  Cli cli(call,
          "Measures a classifier on a labelled data set or on synthesised images: accuracy, loss, "
          "accuracy of each class, confusion table.");
  add_settings(cli, settings);
  cli.footer("The images are normalised by the constants that the classifier's file names, or CIFAR's.\n\n" +
             dataset_help());
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  apply_threads(settings.common);
  return evaluate_classifier(call, settings, cli.only_checks());
}

}  // namespace engram::apps
