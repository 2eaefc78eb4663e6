#pragma once
/// The regression of variational information distillation.

#include <memory>

#include "models/layers.h"

namespace engram {

/// Three convolutions of 1x1 without bias and with ReLUs between, middle width that of the teacher, and a variance of
/// each of its channels, log(1 + exp(log_scale)) + 1e-5, which starts at 5. Names: regressor.0, regressor.2,
/// regressor.4, log_scale.
class VariationalBound : public Module {
 public:
  VariationalBound(dim_t student_channels, dim_t teacher_channels, Device device);
  /// Mean over all elements of ((mu - t)^2 / variance + log variance) / 2. The larger map is averaged down.
  Tensor forward(const Tensor& student, const Tensor& teacher) const;

 private:
  std::unique_ptr<Conv2d> convs_[3];
  Tensor log_scale_;
};

}  // namespace engram
