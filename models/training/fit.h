#pragma once
/// The loop around the steps of a task: epochs, reports, checkpoints, interruption. Every program that trains or
/// synthesises runs it.

#include <filesystem>
#include <string>

#include "models/training/step_runner.h"

namespace engram {

struct FitOptions {
  dim_t total_steps = 0;
  dim_t steps_per_epoch = 0;  ///< total_steps is a multiple
  dim_t first_step = 0;       ///< where load_checkpoint said to go on
  dim_t reports = 100;        ///< about how many a run, beside the first and last step of each epoch

  std::filesystem::path checkpoint = {};  ///< empty: none is written
  dim_t checkpoint_steps = 0;             ///< steps between two; 0 is once an epoch
  bool checkpoint_at_end = true;          ///< write one after the last step too
  std::string fingerprint = {};           ///< of the configuration, kept in checkpoints
};

/// Whether step number `step` is one of those that are reported: a function of its arguments, so that an interrupted
/// run reports the same steps.
bool is_reported(const FitOptions& options, dim_t step);

/// What a program does around the steps. All calls come from the thread that called fit, in the order of the functions
/// here.
class FitObserver {
 public:
  virtual ~FitObserver() = default;
  /// Before the step is staged.
  virtual void before_step(dim_t step) { (void)step; }
  /// After a reported step, with its values.
  virtual void on_report(dim_t step, const MeterValues& values) { (void)step, (void)values; }
  /// After every step, with the latest values that the host knows: those of the last report, on the CPU of this step.
  virtual void on_step(dim_t step, const MeterValues& latest) { (void)step, (void)latest; }
  /// After the last step of an epoch (counted from 0), with the means over all of its steps; the place to evaluate.
  virtual void on_epoch(dim_t epoch, dim_t step, const MeterValues& means) { (void)epoch, (void)step, (void)means; }
  /// Whether to stop after this step. Not asked after the last one.
  virtual bool stop_requested() { return false; }
  /// Before a checkpoint is written: what was reported so far must be there when somebody goes on from it.
  virtual void before_checkpoint() {}
};

/// How a fit ended.
struct FitResult {
  dim_t next_step = 0;
  bool interrupted = false;
};

/// Runs the steps from `first_step` on. The host waits for the device when meters are read (reports, ends of epochs)
/// and when a checkpoint is written only. When asked to stop, it writes a checkpoint first. Throws UsageError for
/// lengths that make no sense, DataError for a value that is not finite (before anything of that step is kept in a
/// checkpoint), and what task and observer throw.
FitResult fit(TrainingTask& task, StepRunner& runner, const FitOptions& options, FitObserver& observer);

}  // namespace engram
