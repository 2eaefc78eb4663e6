#pragma once
/// The regressor of FitNets.

#include <memory>

#include "models/layers.h"

namespace engram {

/// From a student's map to the extents of the teacher's, with bias, batch normalisation and ReLU, as RepDistiller's
/// ConvReg: equal extents by a convolution of 1x1; twice as large by 3x3 of stride 2; half as large by a transposed
/// 4x4 of stride 2; else larger by a convolution without padding of 1 + the difference. Names: conv, bn.
class HintRegressor : public Module {
 public:
  /// Shapes [N,C,H,W]; square. Throws UsageError for a student's map below half the teacher's.
  HintRegressor(const Shape& student, const Shape& teacher, Device device);
  Tensor forward(const Tensor& x) const;

 private:
  std::unique_ptr<Conv2d> conv_;
  std::unique_ptr<ConvTranspose2d> up_;
  std::unique_ptr<BatchNorm2d> norm_;
};

}  // namespace engram
