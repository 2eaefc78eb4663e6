/// engram-train: trains a classifier on a labelled image set.

#include <optional>

#include "apps/common/exit_code.h"
#include "apps/common/program.h"
#include "apps/common/train_settings.h"
#include "apps/programs.h"
#include "models/classifier_file.h"
#include "models/data/class_names.h"
#include "models/data/dataset_hash.h"
#include "models/data/evenly_spread.h"
#include "models/data/network_images.h"
#include "models/training/checkpoint.h"
#include "models/training/evaluate.h"
#include "models/training/fit.h"

namespace engram::apps {
namespace {

constexpr const char* kCheckpoint = "checkpoint.safetensors";
constexpr const char* kClassifier = "classifier.safetensors";

/// What belongs to one call of the program.
struct Run {
  const TrainSettings& settings;
  Program& program;
  ImageDataset train = {}, test = {};
  std::unique_ptr<Network> network = {};
  std::unique_ptr<SupervisedTask> task = {};
  std::string fingerprint = {};
  dim_t first_step = 0;
};

/// A network of the settings' architecture with the weights of the classifier file.
std::unique_ptr<Network> initial_network(const TrainSettings& s, int num_classes, const ImageShape& image,
                                         Device device) {
  Classifier initial = load_classifier(s.init, {.arch = s.arch, .num_classes = num_classes, .device = device});
  Network& network = *initial.network;
  if (network.arch() != s.arch || network.num_classes() != num_classes)
    throw DataError(message("--init: expected a ", s.arch, " of ", num_classes, " classes in ", s.init.string(),
                            ", got a ", network.arch(), " of ", network.num_classes()));
  if (network.image() != image)
    throw DataError(message("--init: expected a network of images of ", to_string(image), " in ", s.init.string(),
                            ", got one of ", to_string(network.image())));
  network.train();
  network.set_requires_grad(true);
  return std::move(initial.network);
}

/// Reads the inputs and builds the task.
void prepare(Run& run) {
  const TrainSettings& s = run.settings;
  TrainingSets sets = read_training_sets(s.images, *run.program.call().err);
  const ImageShape image = shape_for_network(sets.train);
  run.train = network_images(std::move(sets.train), image, s.images.data.string());
  run.test = network_images(std::move(sets.test), image, s.images.data.string());
  run.program.add_input("data", s.images.data,
                        {{"data/train", dataset_sha256(run.train)}, {"data/test", dataset_sha256(run.test)}});
  if (!s.init.empty()) run.program.add_input("init", s.init);
  run.train = evenly_spread(run.train, s.limit);
  const Device device = run.program.device();
  run.network = s.init.empty() ? make_network(s.arch, run.train.num_classes,
                                              {.seed = s.common.seed, .device = device, .image = image})
                               : initial_network(s, run.train.num_classes, image, device);
  run.task = std::make_unique<SupervisedTask>(*run.network, run.train, supervised_options(s, run.train.count));
}

/// The run folder, and where the run goes on in it: at its checkpoint, or from the start when it was killed before.
RunDir& open_run(Run& run) {
  RunDir& dir = run.program.open({kCheckpoint, kClassifier});
  run.fingerprint = run.program.fingerprint();
  if (!run.program.resumes()) return dir;
  if (std::filesystem::exists(dir / kCheckpoint))
    run.first_step = load_checkpoint(dir / kCheckpoint, *run.task, run.fingerprint, run.task->total_steps());
  dir.continue_after(run.first_step - 1);
  return dir;
}

/// Metrics, progress and evaluations of a training.
class TrainObserver : public FitObserver {
 public:
  TrainObserver(Run& run, RunDir& dir)
      : run_(run), dir_(dir), progress_("train", run.task->total_steps(), run.program.progress(), run.first_step) {}

  void on_report(dim_t step, const MeterValues& values) override {
    std::vector<io::JsonField> fields;
    for (const MeterValue& meter : values)
      if (meter.name != "train/accuracy")
        fields.push_back({meter.name, meter.value});  // noise; that of the epoch counts
    fields.push_back({"train/lr", run_.task->learning_rate(step)});
    fields.push_back({"mem/peak_mib", peak_mib(run_.program.device())});
    dir_.metrics(step, fields);
  }
  void on_step(dim_t step, const MeterValues& latest) override {
    progress_.update(step + 1, {{"loss", latest[0].value}, {"lr", run_.task->learning_rate(step)}});
  }
  void on_epoch(dim_t epoch, dim_t step, const MeterValues& means) override {
    dir_.metrics(step,
                 {{"epoch", epoch + 1}, {"train/epoch_loss", means[0].value}, {"train/accuracy", means[1].value}});
    if ((epoch + 1) % run_.settings.evaluate_every == 0 || step + 1 == run_.task->total_steps())
      evaluate_after(epoch, step);
  }
  bool stop_requested() override { return run_.program.stop_requested(); }

  void finish() { progress_.finish(); }
  /// That of the last evaluation, made now if this process made none after the last step.
  double final_accuracy() { return accuracy_ ? *accuracy_ : evaluate(run_.task->deployed(), run_.test).accuracy(); }

 private:
  /// Accuracy on the test images, with and without mirrored copies, into the metrics and onto the screen.
  void evaluate_after(dim_t epoch, dim_t step) {
    const Evaluation plain = evaluate(run_.task->deployed(), run_.test);
    std::vector<io::JsonField> fields = {
        {"epoch", epoch + 1}, {"test/accuracy", plain.accuracy()}, {"test/loss", plain.mean_loss}};
    std::string text = message("epoch ", epoch + 1, "  test accuracy ", 100 * plain.accuracy(), " %");
    if (run_.settings.test_flip) {
      const double flipped = evaluate(run_.task->deployed(), run_.test, {.flip = true}).accuracy();
      fields.push_back({"test/accuracy_flip", flipped});
      text += message("  with mirror images ", 100 * flipped, " %");
    }
    dir_.metrics(step, fields);
    progress_.message(text);
    if (step + 1 == run_.task->total_steps()) accuracy_ = plain.accuracy();
  }

  Run& run_;
  RunDir& dir_;
  Progress progress_;
  std::optional<double> accuracy_;
};

Outcome train(Run& run, RunDir& dir) {
  SupervisedTask& task = *run.task;
  TrainObserver observer(run, dir);
  StepRunner runner(task, run.settings.graph);
  const FitResult result = fit(task, runner,
                               {.total_steps = task.total_steps(),
                                .steps_per_epoch = task.steps_per_epoch(),
                                .first_step = run.first_step,
                                .checkpoint = dir / kCheckpoint,
                                .checkpoint_steps = run.settings.checkpoint_steps,
                                .fingerprint = run.fingerprint},
                               observer);
  observer.finish();
  if (result.interrupted) return {.stopped = message("after step ", result.next_step)};
  save_classifier(dir / kClassifier, task.deployed(), run.train.normalization,
                  {{"dataset", run.train.name}, {"class_names", join_class_names(run.train.class_names)}},
                  run.settings.precision == "f16" ? WeightPrecision::kF16 : WeightPrecision::kF32);
  dir.set_fact("test_accuracy", observer.final_accuracy());
  dir.set_fact("parameters", run.network->num_parameters());
  return {.text = message("classifier: ", (dir / kClassifier).string(), "\n")};
}

}  // namespace

int run_train(Call& call) {
  TrainSettings settings;
  Cli cli(call, "Trains a classifier and writes it, with its metrics and checkpoints, to a run folder.");
  add_train_settings(cli, settings);
  if (!cli.parse()) return kExitOk;
  Program program(cli, settings.common);
  Run run{settings, program};
  prepare(run);
  open_run(run);
  return program.run([&](RunDir& dir) { return train(run, dir); });
}

}  // namespace engram::apps
