#include "models/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "kernels/common/error.h"

namespace engram {
namespace {

double blend(double from, double to, double fraction, Anneal anneal) {
  if (anneal == Anneal::kLinear) return from + (to - from) * fraction;
  return to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * fraction));
}

// Value of a one-cycle quantity that goes start -> peak -> end. The corners lie at the fractional steps
// rise_fraction * total - 1 and total - 1, as in PyTorch; a peak before step 0 leaves only the fall.
double one_cycle(const ScheduleOptions& options, dim_t step, double start, double peak, double end) {
  const double last = static_cast<double>(options.total_steps - 1);
  const double at_peak = options.rise_fraction * static_cast<double>(options.total_steps) - 1;
  const double at = std::min(static_cast<double>(step), last);
  if (at_peak > 0 && at <= at_peak) return blend(start, peak, at / at_peak, options.anneal);
  if (last <= 0) return peak;
  return blend(peak, end, (at - at_peak) / (last - at_peak), options.anneal);
}

void require(bool holds, const char* what, double got) {
  if (!holds) throw UsageError(message("[schedule] expected ", what, ", got ", got));
}

}  // namespace

const std::vector<std::string>& schedule_names() {
  static const std::vector<std::string> names = {"constant", "step", "multistep", "cosine", "one-cycle"};
  return names;
}

ScheduleKind parse_schedule(const std::string& name) {
  const auto& names = schedule_names();
  const auto it = std::find(names.begin(), names.end(), name);
  if (it == names.end()) {
    throw UsageError(message("[schedule] expected constant, step, multistep, cosine or one-cycle, got '", name, "'"));
  }
  return static_cast<ScheduleKind>(it - names.begin());
}

void check_schedule(const ScheduleOptions& o) {
  const auto finite_positive = [](double v) { return std::isfinite(v) && v > 0; };
  require(std::isfinite(o.base_lr) && o.base_lr >= 0, "a finite learning rate of at least 0", o.base_lr);
  require(o.warmup_steps >= 0, "warm-up steps of at least 0", static_cast<double>(o.warmup_steps));
  require(std::isfinite(o.warmup_start) && o.warmup_start >= 0, "a warm-up start of at least 0", o.warmup_start);
  switch (o.kind) {
    case ScheduleKind::kConstant:
      break;
    case ScheduleKind::kStep:
      require(o.step_size >= 1, "a step size of at least 1", static_cast<double>(o.step_size));
      require(finite_positive(o.gamma), "a positive factor gamma", o.gamma);
      break;
    case ScheduleKind::kMultiStep:
      require(finite_positive(o.gamma), "a positive factor gamma", o.gamma);
      for (std::size_t i = 0; i < o.milestones.size(); ++i) {
        require(o.milestones[i] > (i ? o.milestones[i - 1] : -1), "ascending milestones of at least 0",
                static_cast<double>(o.milestones[i]));
      }
      break;
    case ScheduleKind::kCosine:
      require(o.total_steps >= 1, "a length of at least 1 step", static_cast<double>(o.total_steps));
      require(o.warmup_steps < o.total_steps, "a warm-up shorter than the whole", static_cast<double>(o.warmup_steps));
      require(std::isfinite(o.final_lr) && o.final_lr >= 0, "a final rate of at least 0", o.final_lr);
      break;
    case ScheduleKind::kOneCycle:
      require(o.total_steps >= 1, "a length of at least 1 step", static_cast<double>(o.total_steps));
      require(o.warmup_steps == 0, "no warm-up, since one-cycle has a rise of its own",
              static_cast<double>(o.warmup_steps));
      require(o.rise_fraction >= 0 && o.rise_fraction <= 1, "a rise fraction in [0, 1]", o.rise_fraction);
      require(finite_positive(o.start_divisor), "a positive start divisor", o.start_divisor);
      require(finite_positive(o.final_divisor), "a positive final divisor", o.final_divisor);
      break;
  }
}

double learning_rate(const ScheduleOptions& o, dim_t step) {
  if (o.kind == ScheduleKind::kOneCycle) {
    const double start = o.base_lr / o.start_divisor;
    return one_cycle(o, step, start, o.base_lr, start / o.final_divisor);
  }
  if (step < o.warmup_steps) {
    return o.base_lr *
           (o.warmup_start + (1 - o.warmup_start) * static_cast<double>(step) / static_cast<double>(o.warmup_steps));
  }
  switch (o.kind) {
    case ScheduleKind::kStep:
      return o.base_lr * std::pow(o.gamma, static_cast<double>(step / o.step_size));
    case ScheduleKind::kMultiStep: {
      const auto passed = std::upper_bound(o.milestones.begin(), o.milestones.end(), step) - o.milestones.begin();
      return o.base_lr * std::pow(o.gamma, static_cast<double>(passed));
    }
    case ScheduleKind::kCosine: {
      const double length = static_cast<double>(o.total_steps - o.warmup_steps);
      const double fraction = std::min(1.0, static_cast<double>(step - o.warmup_steps) / length);
      return blend(o.base_lr, o.final_lr, fraction, Anneal::kCosine);
    }
    default:
      return o.base_lr;
  }
}

double scheduled_momentum(const ScheduleOptions& o, dim_t step, double fixed) {
  if (o.kind != ScheduleKind::kOneCycle || !o.cycle_momentum) return fixed;
  return one_cycle(o, step, o.max_momentum, o.base_momentum, o.max_momentum);
}

}  // namespace engram
