#include "apps/common/classifier_training.h"

#include <optional>

#include "apps/common/classifier_options.h"
#include "apps/common/run_metrics.h"
#include "models/classifier_file.h"
#include "models/data/class_names.h"
#include "models/nets/network_registry.h"
#include "models/training/checkpoint.h"
#include "models/training/evaluate.h"
#include "models/training/fit.h"

namespace engram::apps {
namespace {

constexpr const char* kCheckpoint = "checkpoint.safetensors";
constexpr const char* kClassifier = "classifier.safetensors";
constexpr const char* kAccuracy = "train/accuracy";  // noise in one batch; that of the epoch counts

/// Metrics, progress and evaluations of a training.
class TrainingObserver : public FitObserver {
 public:
  TrainingObserver(const Program& program, RunDir& dir, const ClassifierTrainingSettings& settings,
                   const ClassifierTraining& training, Device device, dim_t first_step)
      : program_(program),
        dir_(dir),
        settings_(settings),
        training_(training),
        device_(device),
        progress_("train", training.total_steps, program.progress(), first_step) {}

  void on_report(dim_t step, const MeterValues& values) override {
    std::vector<io::JsonField> fields;
    for (const MeterValue& meter : values)
      if (meter.name != kAccuracy) fields.push_back({meter.name, meter.value});
    fields.push_back({"train/lr", training_.learning_rate(step)});
    fields.push_back({"mem/peak_mib", peak_mib(device_)});
    dir_.metrics(step, fields);
  }
  void on_step(dim_t step, const MeterValues& latest) override {
    progress_.update(step + 1, {{"loss", latest[0].value}, {"lr", training_.learning_rate(step)}});
  }
  void on_epoch(dim_t epoch, dim_t step, const MeterValues& means) override {
    std::vector<io::JsonField> fields = {{"epoch", epoch + 1}, {"train/epoch_loss", means[0].value}};
    for (const MeterValue& meter : means)
      if (meter.name == kAccuracy) fields.push_back({meter.name, meter.value});
    dir_.metrics(step, fields);
    if ((epoch + 1) % settings_.evaluate_every == 0 || is_last(step)) evaluate_after(epoch, step);
  }
  bool stop_requested() override { return program_.stop_requested(); }
  void before_checkpoint() override { dir_.seal_metrics(); }

  void finish() { progress_.finish(); }
  /// That of the last evaluation, made now if this process made none after the last step.
  double final_accuracy() {
    return accuracy_ ? *accuracy_ : evaluate(training_.task.deployed(), training_.test).accuracy();
  }

 private:
  bool is_last(dim_t step) const { return step + 1 == training_.total_steps; }

  /// Accuracy on the test images, with and without mirrored copies, into the metrics and onto the screen.
  void evaluate_after(dim_t epoch, dim_t step) {
    const Evaluation plain = evaluate(training_.task.deployed(), training_.test);
    std::vector<io::JsonField> fields = {
        {"epoch", epoch + 1}, {"test/accuracy", plain.accuracy()}, {"test/loss", plain.mean_loss}};
    std::string text = message("epoch ", epoch + 1, "  test accuracy ", 100 * plain.accuracy(), " %");
    if (settings_.test_flip) {
      const double flipped = evaluate(training_.task.deployed(), training_.test, {.flip = true}).accuracy();
      fields.push_back({"test/accuracy_flip", flipped});
      text += message("  with mirror images ", 100 * flipped, " %");
    }
    dir_.metrics(step, fields);
    progress_.message(text);
    if (is_last(step)) accuracy_ = plain.accuracy();
  }

  const Program& program_;
  RunDir& dir_;
  const ClassifierTrainingSettings& settings_;
  const ClassifierTraining& training_;
  const Device device_;
  Progress progress_;
  std::optional<double> accuracy_;
};

/// Where the run goes on: at its checkpoint, or at the start when it was killed before there was one.
dim_t take_up(const Program& program, RunDir& dir, const ClassifierTraining& training) {
  if (!program.resumes()) return 0;
  dim_t step = 0;
  if (std::filesystem::exists(dir / kCheckpoint))
    step = load_checkpoint(dir / kCheckpoint, training.task, program.fingerprint(), training.total_steps);
  dir.continue_after(step - 1);
  return step;
}

/// The best of the evaluations of all calls of the run. Chosen by looking at the test images: it flatters.
double best_accuracy(const RunDir& dir, double last) {
  double best = last;
  for (const ChartSeries& series : read_run_metrics(dir / "metrics.jsonl").series)
    if (series.name == "test/accuracy")
      for (const ChartPoint& point : series.points) best = std::max(best, point.value);
  return best;
}

Outcome train(Program& program, RunDir& dir, const ClassifierTrainingSettings& settings,
              const ClassifierTraining& training, dim_t first_step) {
  TrainingObserver observer(program, dir, settings, training, program.device(), first_step);
  StepRunner runner(training.task, settings.graph);
  const FitResult result = fit(training.task, runner,
                               {.total_steps = training.total_steps,
                                .steps_per_epoch = training.steps_per_epoch,
                                .first_step = first_step,
                                .checkpoint = dir / kCheckpoint,
                                .checkpoint_steps = settings.checkpoint_steps,
                                .fingerprint = program.fingerprint()},
                               observer);
  observer.finish();
  if (result.interrupted) return {.stopped = message("after step ", result.next_step)};
  Network& network = training.task.deployed();
  save_classifier(dir / kClassifier, network, training.train.normalization,
                  {{"dataset", training.train.name}, {"class_names", join_class_names(training.train.class_names)}},
                  settings.precision == "f16" ? WeightPrecision::kF16 : WeightPrecision::kF32);
  const double last = observer.final_accuracy(), best = best_accuracy(dir, last);
  dir.set_fact("test_accuracy", last);
  dir.set_fact("best_test_accuracy", best);
  dir.set_fact("parameters", network.num_parameters());
  return {.text = message("test accuracy: ", 100 * last, " % after the last epoch, ", 100 * best,
                          " % after the best\nclassifier: ", (dir / kClassifier).string(), "\n")};
}

}  // namespace

void add_classifier_training_settings(Cli& cli, ClassifierTrainingSettings& s) {
  cli.group("Evaluation and files");
  add_test_flip_option(cli, s.test_flip);
  cli.option("evaluate-every", &s.evaluate_every, "Epochs between evaluations; the last epoch is always evaluated")
      .at_least(1);
  cli.option("checkpoint-steps", &s.checkpoint_steps, "Steps between checkpoints; 0 is once an epoch").at_least(0);
  cli.option("precision", &s.precision, "Storage of the final weights").choices({"f32", "f16"});
  cli.option("graph", &s.graph, "On CUDA devices: repeat the step as one CUDA graph");
}

std::unique_ptr<Network> start_network(Program& program, const std::string& arch, const std::filesystem::path& init,
                                       const ImageDataset& images, std::uint64_t seed) {
  const ImageShape image{images.channels, images.height, images.width};
  const Device device = program.device();
  if (init.empty()) return make_network(arch, images.num_classes, {.seed = seed, .device = device, .image = image});
  const std::filesystem::path file = classifier_file(init);
  program.add_input("init", file);
  Classifier initial = load_classifier(file, {.arch = arch, .num_classes = images.num_classes, .device = device});
  Network& network = *initial.network;
  if (network.arch() != network_registry().canonical(arch) || network.num_classes() != images.num_classes)
    throw DataError(message("--init: expected a ", arch, " of ", images.num_classes, " classes in ", init.string(),
                            ", got a ", network.arch(), " of ", network.num_classes()));
  if (network.image() != image)
    throw DataError(message("--init: expected a network of images of ", to_string(image), " in ", init.string(),
                            ", got one of ", to_string(network.image())));
  network.train();
  network.set_requires_grad(true);
  return std::move(initial.network);
}

int run_classifier_training(Program& program, const ClassifierTrainingSettings& settings,
                            const ClassifierTraining& training, const FilePatterns& files) {
  if (program.only_checks()) return program.check();
  FilePatterns all = {kCheckpoint, kClassifier};
  all.insert(all.end(), files.begin(), files.end());
  const dim_t first_step = take_up(program, program.open(all), training);
  return program.run([&](RunDir& dir) { return train(program, dir, settings, training, first_step); });
}

}  // namespace engram::apps
