/// engram-ood: trains a classifier on several environments, by a method for out-of-distribution generalisation, and
/// says what it reaches in each and in those left out.

#include "apps/common/classifier_of_run.h"
#include "apps/common/exit_code.h"
#include "apps/common/ood_features.h"
#include "apps/common/ood_report.h"
#include "apps/common/ood_run.h"
#include "apps/common/ood_trial_runs.h"
#include "apps/common/program.h"
#include "apps/programs.h"
#include "models/data/dataset_hash.h"
#include "models/methods/ood/ood_registry.h"
#include "models/training/checkpoint.h"
#include "models/training/fit.h"

namespace engram::apps {
namespace {

constexpr dim_t kPictureImages = 300;  // of an environment, in scatter pictures

void check_settings(const OodSettings& s) {
  if (s.steps % s.evaluate_every != 0)
    throw UsageError(
        message("--evaluate-every: expected a divisor of the ", s.steps, " steps, got ", s.evaluate_every));
  if (s.leave_one_out && s.trials < 2)
    throw UsageError("--leave-one-out: expected --trials of at least 2 to choose from, got 1");
}

void check_environments(const OodSettings& s, const OodData& data) {
  if (!s.leave_one_out) return;
  const std::size_t least = ood_registry().needs(s.method).environments ? 3 : 2;
  if (data.train.size() < least)
    throw UsageError(message("--leave-one-out: expected at least ", least, " training environments for ", s.method,
                             ", got ", data.train.size()));
}

/// Reads the inputs and builds the training with the settings as given, so that what is wrong shows before a folder is
/// written.
void prepare(OodRun& run) {
  const OodSettings& s = run.settings;
  check_settings(s);
  run.data = read_ood_images(s);
  check_environments(s, run.data);
  std::map<std::string, std::string> hashes;
  for (const auto& [part, environments] :
       {std::pair{"train", &run.data.train}, {"validation", &run.data.validation}, {"test", &run.data.test}})
    for (const Environment& e : *environments) hashes[message("data/", part, "/", e.name)] = dataset_sha256(e.images);
  if (!s.data.empty()) run.program.add_input("data", s.data, hashes);
  if (!s.init.empty()) run.program.add_input("init", classifier_file(s.init));
  run.training = std::make_unique<OodTraining>(s, run.data, run.program.device(), run.program.call().err);
}

/// The run folder, and where the run goes on in it.
void open_run(OodRun& run) {
  RunDir& dir = run.program.open({kOodCheckpoint, kOodClassifier, kOodSelected, kOodTrials, "images/*.png"});
  run.fingerprint = run.program.fingerprint();
  if (!run.program.resumes() || run.settings.trials > 1) return;
  if (std::filesystem::exists(dir / kOodCheckpoint))
    run.first_step = load_checkpoint(dir / kOodCheckpoint, run.training->task(), run.fingerprint,
                                     run.training->task().total_steps());
  dir.continue_after(run.first_step - 1);
  run.history = read_ood_history(dir / "metrics.jsonl", run.first_step, run.settings.evaluate_every);
}

Outcome train(OodRun& run, RunDir& dir) {
  const OodSettings& s = run.settings;
  OodTask& task = run.training->task();
  if (s.pictures) write_environment_sheet(run, dir);
  OodObserver observer(run, *run.training, &dir, "ood", run.history, run.first_step);
  FitOptions options = ood_fit_options(s);
  options.first_step = run.first_step;
  options.checkpoint = dir / kOodCheckpoint;
  options.checkpoint_steps = s.checkpoint_steps;
  options.fingerprint = run.fingerprint;
  StepRunner runner(task, s.graph);
  const FitResult result = fit(task, runner, options, observer);
  observer.finish();
  if (result.interrupted) return {.stopped = message("after step ", result.next_step)};
  observer.save(kOodClassifier);
  dir.set_fact("parameters", run.training->network().num_parameters());
  if (s.pictures)
    write_feature_pictures(dir / "images", task.deployed(), run.data, kPictureImages, augmentation_step(s.method));
  return {.text = conclude_training(dir, observer.history(), run.data)};
}

}  // namespace

int run_ood(Call& call) {
  OodSettings settings;
  Cli cli(call,
          "Trains a classifier on images of several environments by a method for out-of-distribution generalisation, "
          "and tests it on environments that it has not seen.");
  add_ood_settings(cli, settings);
  if (!cli.parse(Cli::Check::kInputs)) return kExitOk;
  Program program(cli, settings.common);
  OodRun run{settings, program};
  prepare(run);
  if (program.only_checks()) return program.check();
  open_run(run);
  return program.run([&](RunDir& dir) { return settings.trials > 1 ? run_ood_trials(run, dir) : train(run, dir); });
}

}  // namespace engram::apps
