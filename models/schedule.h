#pragma once
/// Learning-rate schedules: pure functions of the step.

#include <string>
#include <vector>

#include "kernels/common/types.h"

namespace engram {

/// The shape of a schedule after the warm-up.
enum class ScheduleKind {
  kConstant,
  kStep,       ///< times `gamma` at every `step_size` steps
  kMultiStep,  ///< times `gamma` at each of `milestones`
  kCosine,     ///< half a cosine from the base rate to `final_lr`
  kOneCycle    ///< up to the base rate, then down far below the start (Smith and Topin 2018); has its own rise, no
               ///< warm-up
};

/// How a one-cycle schedule moves between its corners.
enum class Anneal { kCosine, kLinear };

/// All settings of a schedule. Unused ones are ignored. Steps count optimiser updates from 0.
struct ScheduleOptions {
  ScheduleKind kind = ScheduleKind::kConstant;
  double base_lr = 0.1;                ///< the rate that the others relate to; for one-cycle the peak
  dim_t total_steps = 0;               ///< length of cosine and one-cycle; beyond the end the last value holds
  dim_t warmup_steps = 0;              ///< linear rise from warmup_start * base_lr, before all but one-cycle
  double warmup_start = 0;             ///< fraction of base_lr at step 0 of the warm-up
  dim_t step_size = 0;                 ///< of kStep
  std::vector<dim_t> milestones = {};  ///< of kMultiStep: the steps from which each factor holds; ascending
  double gamma = 0.1;                  ///< of kStep and kMultiStep
  double final_lr = 0;                 ///< of kCosine, reached at total_steps

  // One-cycle, with the meaning and the defaults of PyTorch's OneCycleLR.
  double rise_fraction = 0.3;  ///< pct_start: part of total_steps spent rising
  double start_divisor = 25;   ///< div_factor: start = base_lr / start_divisor
  double final_divisor = 1e4;  ///< final_div_factor: end = start / final_divisor
  Anneal anneal = Anneal::kCosine;
  bool cycle_momentum = false;  ///< move the momentum against the rate
  double base_momentum = 0.85;  ///< at the peak of the rate
  double max_momentum = 0.95;   ///< at the start and the end
};

/// Throws UsageError, which names the setting, for settings that make no sense (negative or non-finite rates,
/// milestones that do not ascend, a length that is missing, a warm-up beyond the end).
void check_schedule(const ScheduleOptions& options);

/// Learning rate of the update number `step`. Pure; the options have passed check_schedule.
double learning_rate(const ScheduleOptions& options, dim_t step);

/// Momentum of the update number `step`: `fixed` unless the schedule cycles it (one-cycle with cycle_momentum).
double scheduled_momentum(const ScheduleOptions& options, dim_t step, double fixed);

/// "constant", "step", "multistep", "cosine", "one-cycle", in the order of ScheduleKind.
const std::vector<std::string>& schedule_names();

/// The inverse. Throws UsageError that lists the names.
ScheduleKind parse_schedule(const std::string& name);

}  // namespace engram
