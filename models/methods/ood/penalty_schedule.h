#pragma once
/// Penalties whose weight jumps at a step.

#include "kernels/common/error.h"
#include "kernels/common/types.h"

namespace engram {

/// The weight is `before` up to step `anneal`, from which on it is `after`.
struct PenaltySchedule {
  double before = 1;
  double after = 1;
  dim_t anneal = 0;

  bool is_on(dim_t step) const { return step >= anneal; }
  double at(dim_t step) const { return is_on(step) ? after : before; }
  /// The number of the phase (TrainingTask::phase).
  int phase(dim_t step) const { return is_on(step) ? 1 : 0; }
};

/// Throws UsageError, naming the method, for settings that make no sense.
inline void check_penalty(const char* method, double lambda, dim_t anneal) {
  if (!(lambda >= 0)) throw UsageError(message("[", method, "] expected a lambda of at least 0, got ", lambda));
  if (anneal < 0) throw UsageError(message("[", method, "] expected an anneal step of at least 0, got ", anneal));
}

}  // namespace engram
