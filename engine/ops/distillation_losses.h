#pragma once
/// The two losses of knowledge distillation on logits from one pass over both. Threads: as engine/tensor.h says.

#include "engine/tensor.h"

namespace engram {

struct SoftTargetOptions {
  float temperature = 1;  ///< T > 0
  float factor = 1;       ///< multiplies the divergence, often by T^2 (Hinton et al. 2015)
};

/// Two scalars.
struct DistillationLosses {
  Tensor cross_entropy;  ///< as softmax_cross_entropy of the student with the labels
  Tensor divergence;     ///< as kl_divergence of the student from the teacher
};

/// Both losses of `student` [rows, classes] with `labels` [rows] (i32), fused forward and backward. The teacher is a
/// constant: it takes no gradient. Differentiable to any order in the student, independent of the thread count. Throws
/// ShapeError, DTypeError, UsageError unless T > 0, and DataError when a label is outside [0, classes) (this check
/// waits for the device).
DistillationLosses distillation_losses(const Tensor& student, const Tensor& teacher, const Tensor& labels,
                                       const SoftTargetOptions& options = {});

}  // namespace engram
