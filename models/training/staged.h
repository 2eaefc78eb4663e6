#pragma once
/// Inputs of a step that stay in one place, so that captured work finds each step's values there.

#include <vector>

#include "engine/device_memory.h"
#include "engine/tensor.h"
#include "models/schedule.h"

namespace engram {

/// Queues a copy of host values over a dense tensor. Throws ShapeError when their numbers differ.
template <class T>
void stage_values(const Tensor& target, const std::vector<T>& values) {
  if (dim_t(values.size()) != target.numel())
    throw ShapeError(message("[stage] expected ", target.numel(), " values, got ", values.size()));
  copy_to_device(target.device(), target.data<T>(), values.data(), values.size() * sizeof(T));
  target.bump_version();
}

/// A scheduled learning rate as a scalar on a device, for Optimizer::step.
class StagedRate {
 public:
  /// Throws UsageError as check_schedule.
  StagedRate(const ScheduleOptions& schedule, const Device& device)
      : schedule_(schedule), rate_(Tensor::zeros({}, device)) {
    check_schedule(schedule_);
  }
  /// Queues the rate of an update.
  void stage(dim_t step) { stage_values(rate_, std::vector<float>{float(learning_rate(schedule_, step))}); }
  double at(dim_t step) const { return learning_rate(schedule_, step); }
  const Tensor& tensor() const { return rate_; }

 private:
  ScheduleOptions schedule_;
  Tensor rate_;
};

}  // namespace engram
