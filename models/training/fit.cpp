#include "models/training/fit.h"

#include <algorithm>

#include "models/training/checkpoint.h"

namespace engram {
namespace {

void check_options(const FitOptions& o) {
  if (o.total_steps < 1 || o.steps_per_epoch < 1 || o.total_steps % o.steps_per_epoch != 0)
    throw UsageError(message("[fit] expected whole epochs of at least one step, got ", o.total_steps, " steps with ",
                             o.steps_per_epoch, " an epoch"));
  if (o.first_step < 0 || o.first_step > o.total_steps)
    throw UsageError(message("[fit] expected a first step in [0,", o.total_steps, "], got ", o.first_step));
}

bool is_last_of_epoch(const FitOptions& o, dim_t step) {
  return (step + 1) % o.steps_per_epoch == 0;
}

bool is_checkpoint_due(const FitOptions& o, dim_t step) {
  if (o.checkpoint.empty()) return false;
  if (step + 1 == o.total_steps) return o.checkpoint_at_end;
  return o.checkpoint_steps > 0 ? (step + 1) % o.checkpoint_steps == 0 : is_last_of_epoch(o, step);
}

}  // namespace

bool is_reported(const FitOptions& o, dim_t step) {
  const dim_t interval = std::max<dim_t>(1, o.total_steps / std::max<dim_t>(1, o.reports));
  return step % interval == 0 || step % o.steps_per_epoch == 0 || is_last_of_epoch(o, step);
}

FitResult fit(TrainingTask& task, StepRunner& runner, const FitOptions& options, FitObserver& observer) {
  check_options(options);
  MeterValues latest;
  for (dim_t step = options.first_step; step < options.total_steps; ++step) {
    observer.before_step(step);
    runner.run(step);
    const bool reported = is_reported(options, step), due = is_checkpoint_due(options, step);
    const bool stop = step + 1 < options.total_steps && observer.stop_requested();
    // The CPU has the values anyway, and a step that went wrong is found at once.
    if (reported || due || task.device().is_cpu())
      latest = task.meters().collect(step);
    else if (stop)
      latest =
          task.meters().read(step);  // sums that are cut elsewhere than in a run without a stop have other last bits
    if (reported) observer.on_report(step, latest);
    observer.on_step(step, latest);
    if (is_last_of_epoch(options, step)) {
      observer.on_epoch(step / options.steps_per_epoch, step, task.meters().means());
      task.meters().restart();
    }
    if (due || (stop && !options.checkpoint.empty())) {
      observer.before_checkpoint();
      save_checkpoint(options.checkpoint, task, step + 1, options.fingerprint);
    }
    if (stop) return {step + 1, true};
  }
  return {options.total_steps, false};
}

}  // namespace engram
