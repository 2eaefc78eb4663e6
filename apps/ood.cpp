/// engram-ood: trains a classifier on several environments, by a method for out-of-distribution generalisation, and
/// says what it reaches in each and in those left out.

#include <algorithm>
#include <optional>

#include "apps/common/exit_code.h"
#include "apps/common/ood_features.h"
#include "apps/common/ood_pictures.h"
#include "apps/common/ood_report.h"
#include "apps/common/ood_training.h"
#include "apps/common/ood_trials.h"
#include "apps/common/program.h"
#include "apps/programs.h"
#include "engine/io/png.h"
#include "models/classifier_file.h"
#include "models/data/class_names.h"
#include "models/data/dataset_hash.h"
#include "models/methods/ood/ood_registry.h"
#include "models/training/checkpoint.h"
#include "models/training/fit.h"

namespace engram::apps {
namespace {

constexpr const char* kCheckpoint = "checkpoint.safetensors";
constexpr const char* kClassifier = "classifier.safetensors";  // after the last step
constexpr const char* kSelected = "selected.safetensors";      // at the best validation accuracy
constexpr const char* kTrials = "trials.json";
constexpr dim_t kPictureImages = 300;  // of an environment, in scatter pictures

/// What belongs to one call of the program.
struct Run {
  const OodSettings& settings;
  Program& program;
  OodData data = {};
  std::unique_ptr<OodTraining> training = {};  ///< with the settings as given
  std::string fingerprint = {};
  dim_t first_step = 0;
  std::vector<OodScores> history = {};  ///< of evaluations before first_step
};

void check_settings(const OodSettings& s, const OodData& data) {
  if (s.steps % s.evaluate_every != 0)
    throw UsageError(
        message("--evaluate-every: expected a divisor of the ", s.steps, " steps, got ", s.evaluate_every));
  if (!s.leave_one_out) return;
  if (s.trials < 2) throw UsageError("--leave-one-out: expected --trials of at least 2 to choose from, got 1");
  const std::size_t least = ood_registry().needs(s.method).environments ? 3 : 2;
  if (data.train.size() < least)
    throw UsageError(message("--leave-one-out: expected at least ", least, " training environments for ", s.method,
                             ", got ", data.train.size()));
}

/// Reads the inputs and builds the training with the settings as given, so that what is wrong shows before a folder is
/// written.
void prepare(Run& run) {
  const OodSettings& s = run.settings;
  run.data = read_ood_images(s);
  check_settings(s, run.data);
  std::map<std::string, std::string> hashes;
  for (const auto& [part, environments] :
       {std::pair{"train", &run.data.train}, {"validation", &run.data.validation}, {"test", &run.data.test}})
    for (const Environment& e : *environments) hashes[message("data/", part, "/", e.name)] = dataset_sha256(e.images);
  if (!s.data.empty()) run.program.add_input("data", s.data, hashes);
  if (!s.init.empty()) run.program.add_input("init", s.init);
  run.training = std::make_unique<OodTraining>(s, run.data, run.program.device(), run.program.call().err);
}

/// The run folder, and where the run goes on in it.
void open_run(Run& run) {
  RunDir& dir = run.program.open({kCheckpoint, kClassifier, kSelected, kTrials, "images/*.png"});
  run.fingerprint = run.program.fingerprint();
  if (!run.program.resumes() || run.settings.trials > 1) return;
  if (std::filesystem::exists(dir / kCheckpoint))
    run.first_step =
        load_checkpoint(dir / kCheckpoint, run.training->task(), run.fingerprint, run.training->task().total_steps());
  dir.continue_after(run.first_step - 1);
  run.history = read_ood_history(dir / "metrics.jsonl");
}

/// Evaluations of a training, into its history and onto the screen; into the metrics where there is a folder for them.
class TrainingObserver : public FitObserver {
 public:
  TrainingObserver(Run& run, OodTraining& training, RunDir* dir, const std::string& label,
                   std::vector<OodScores> history = {}, dim_t first_step = 0)
      : run_(run),
        training_(training),
        dir_(dir),
        progress_(label, training.task().total_steps(), run.program.progress(), first_step),
        history_(std::move(history)) {}

  void on_report(dim_t step, const MeterValues& values) override {
    if (dir_ == nullptr) return;
    std::vector<io::JsonField> fields;
    for (const MeterValue& meter : values) fields.push_back({meter.name, meter.value});
    fields.push_back({"train/lr", training_.task().learning_rate(step)});
    fields.push_back({"mem/peak_mib", peak_mib(run_.program.device())});
    dir_->metrics(step, fields);
  }
  void on_step(dim_t step, const MeterValues& latest) override {
    progress_.update(step + 1, {{"loss", latest[0].value}, {"lr", training_.task().learning_rate(step)}});
  }
  void on_epoch(dim_t, dim_t step, const MeterValues&) override {
    history_.push_back(training_.evaluate(step));
    const OodScores& scores = history_.back();
    if (dir_ == nullptr) return;
    write_ood_scores(*dir_, scores);
    progress_.message(ood_scores_text(scores));
    if (choose_by_training_domains(history_).step == step) save(kSelected);
  }
  bool stop_requested() override { return run_.program.stop_requested(); }

  void finish() { progress_.finish(); }
  const std::vector<OodScores>& history() const { return history_; }
  void save(const char* name) const {
    Network& network = training_.task().deployed();
    const ImageDataset& images = run_.data.train.front().images;
    std::map<std::string, std::string> notes = {{"dataset", images.name}, {"method", run_.settings.method}};
    if (network.num_classes() == images.num_classes) notes["class_names"] = join_class_names(images.class_names);
    save_classifier(*dir_ / name, network, images.normalization, notes);
  }

 private:
  Run& run_;
  OodTraining& training_;
  RunDir* dir_;
  Progress progress_;
  std::vector<OodScores> history_;
};

FitOptions fit_options(const OodSettings& s) {
  return {.total_steps = s.steps, .steps_per_epoch = s.evaluate_every};
}

void write_image_pictures(const Run& run, RunDir& dir) {
  std::filesystem::create_directories(dir / "images");
  Environments shown = run.data.train;
  shown.insert(shown.end(), run.data.test.begin(), run.data.test.end());
  const io::Image sheet = environment_sheet(shown, 20);
  io::write_png(dir / "images/environments.png", sheet);
  dir.image("environments", 0, sheet);
}

Outcome train(Run& run, RunDir& dir) {
  const OodSettings& s = run.settings;
  OodTask& task = run.training->task();
  if (s.pictures) write_image_pictures(run, dir);
  TrainingObserver observer(run, *run.training, &dir, "ood", run.history, run.first_step);
  FitOptions options = fit_options(s);
  options.first_step = run.first_step;
  options.checkpoint = dir / kCheckpoint;
  options.checkpoint_steps = s.checkpoint_steps;
  options.fingerprint = run.fingerprint;
  StepRunner runner(task, s.graph);
  const FitResult result = fit(task, runner, options, observer);
  observer.finish();
  if (result.interrupted) return {.stopped = message("after step ", result.next_step)};
  observer.save(kClassifier);
  dir.set_fact("parameters", run.training->network().num_parameters());
  if (s.pictures)
    write_feature_pictures(dir / "images", task.deployed(), run.data, kPictureImages, augmentation_step(s.method));
  return {.text = conclude_training(dir, observer.history(), run.data)};
}

/// What a training with these settings on these images reaches; nothing where it was stopped.
std::optional<std::vector<OodScores>> train_trial(Run& run, const OodSettings& s, const OodData& data,
                                                  const std::string& label) {
  OodTraining training(s, data, run.program.device(), nullptr);
  TrainingObserver observer(run, training, nullptr, label);
  StepRunner runner(training.task(), s.graph);
  const FitResult result = fit(training.task(), runner, fit_options(s), observer);
  observer.finish();
  if (result.interrupted) return std::nullopt;
  return observer.history();
}

/// The experiment without one of its training environments, which is the test.
OodData without_environment(const OodData& data, std::size_t e) {
  OodData rest = data;
  rest.probes.clear();
  rest.test = {data.train[e]};
  const std::string name = data.train[e].name;
  for (Environments* part : {&rest.train, &rest.validation})
    std::erase_if(*part, [&](const Environment& other) { return other.name == name; });
  return rest;
}

/// Mean accuracy after the last step on each training environment by a training without it; nothing where it was
/// stopped.
std::optional<double> score_left_out(Run& run, const OodSettings& s, const std::string& label) {
  double total = 0;
  for (std::size_t e = 0; e < run.data.train.size(); ++e) {
    const auto history =
        train_trial(run, s, without_environment(run.data, e), label + " without " + run.data.train[e].name);
    if (!history) return std::nullopt;
    total += history->back().test / double(run.data.train.size());
  }
  return total;
}

dim_t smallest_environment(const Environments& environments) {
  dim_t least = environments.front().images.count;
  for (const Environment& e : environments) least = std::min(least, e.images.count);
  return least;
}

Outcome run_trials(Run& run, RunDir& dir) {
  const OodSettings& s = run.settings;
  run.training.reset();
  std::vector<OodTrial> trials;
  if (run.program.resumes()) {
    if (std::filesystem::exists(dir / kTrials)) trials = read_ood_trials(dir / kTrials);
    dir.continue_after(dim_t(trials.size()) - 1);
  }
  if (s.pictures) write_image_pictures(run, dir);
  const ImageShape image = run.data.train.front().images.shape();
  for (int t = int(trials.size()); t < int(s.trials); ++t) {
    OodSettings drawn = draw_trial(s, t, std::max(image.height, image.width));
    drawn.batch_size = std::min(drawn.batch_size, smallest_environment(run.data.train));
    const std::string label = message("trial ", t + 1, "/", s.trials);
    const auto history = train_trial(run, drawn, run.data, label);
    std::optional<double> left_out;
    if (history && s.leave_one_out) left_out = score_left_out(run, drawn, label);
    if (!history || (s.leave_one_out && !left_out)) return {.stopped = message("in ", label), .results = false};
    trials.push_back({drawn.method, drawn.lr, drawn.weight_decay, drawn.batch_size, history->back(),
                      choose_by_training_domains(*history), left_out});
    write_ood_trials(dir / kTrials, trials);
    write_ood_trial(dir, t, trials.back());
  }
  return {.text = conclude_trials(dir, trials)};
}

}  // namespace

int run_ood(Call& call) {
  OodSettings settings;
  Cli cli(call,
          "Trains a classifier on images of several environments by a method for out-of-distribution generalisation, "
          "and tests it on environments that it has not seen.");
  add_ood_settings(cli, settings);
  if (!cli.parse()) return kExitOk;
  Program program(cli, settings.common);
  Run run{settings, program};
  prepare(run);
  open_run(run);
  return program.run([&](RunDir& dir) { return settings.trials > 1 ? run_trials(run, dir) : train(run, dir); });
}

}  // namespace engram::apps
