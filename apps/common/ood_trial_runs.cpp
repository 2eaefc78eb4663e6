#include "apps/common/ood_trial_runs.h"

#include <algorithm>
#include <optional>

#include "apps/common/ood_report.h"
#include "apps/common/ood_trials.h"

namespace engram::apps {
namespace {

/// What a training with these settings on these images reaches; nothing where it was stopped.
std::optional<std::vector<OodScores>> train_trial(OodRun& run, const OodSettings& s, const OodData& data,
                                                  const std::string& label) {
  OodTraining training(s, data, run.program.device(), nullptr);
  OodObserver observer(run, training, nullptr, label);
  StepRunner runner(training.task(), s.graph);
  const FitResult result = fit(training.task(), runner, ood_fit_options(s), observer);
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
std::optional<double> score_left_out(OodRun& run, const OodSettings& s, const std::string& label) {
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

}  // namespace

Outcome run_ood_trials(OodRun& run, RunDir& dir) {
  const OodSettings& s = run.settings;
  run.training.reset();
  std::vector<OodTrial> trials;
  if (run.program.resumes()) {
    if (std::filesystem::exists(dir / kOodTrials)) trials = read_ood_trials(dir / kOodTrials);
    dir.continue_after(dim_t(trials.size()) - 1);
  }
  if (s.pictures) write_environment_sheet(run, dir);
  const ImageShape image = run.data.train.front().images.shape();
  for (int t = int(trials.size()); t < int(s.trials); ++t) {
    OodSettings drawn = draw_trial(s, t, std::max(image.height, image.width));
    drawn.batch_size = std::min(drawn.batch_size, smallest_environment(run.data.train));
    const std::string label = message("trial ", t + 1, "/", s.trials);
    const auto history = train_trial(run, drawn, run.data, label);
    std::optional<double> left_out;
    if (history && s.leave_one_out) left_out = score_left_out(run, drawn, label);
    if (!history || (s.leave_one_out && !left_out)) return {.stopped = message("in ", label), .results = false};
    trials.push_back({drawn.method, drawn.optimizer.lr, drawn.optimizer.weight_decay, drawn.batch_size, history->back(),
                      choose_by_training_domains(*history), left_out});
    write_ood_trial(dir, t, trials.back());
    dir.seal_metrics();
    write_ood_trials(dir / kOodTrials, trials);  // last: metrics of a trial that is not in the list are dropped
  }
  return {.text = conclude_trials(dir, trials)};
}

}  // namespace engram::apps
