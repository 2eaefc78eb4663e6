#pragma once
/// Losses and their parts on logits [rows, classes], f32. All are differentiable to any order, and independent of the
/// thread count. Threads: as engine/tensor.h says.

#include "engine/tensor.h"

namespace engram {

struct CrossEntropyOptions {
  float label_smoothing = 0;  ///< s in [0, 1]: targets become (1 - s) target + s / classes
};

/// Mean over rows of -sum_c t_c log softmax(logits)_c with labels [rows] (i32). A scalar.
/// Throws ShapeError, DTypeError, and DataError when a label is outside [0, classes) (this check waits for the device).
Tensor softmax_cross_entropy(const Tensor& logits, const Tensor& labels, const CrossEntropyOptions& options = {});

/// The same with targets [rows, classes] (f32), which need not add up to 1; differentiable in them too.
Tensor softmax_cross_entropy_soft(const Tensor& logits, const Tensor& targets, const CrossEntropyOptions& options = {});

/// log softmax over the last axis, any rank above 0.
Tensor log_softmax(const Tensor& x);
/// softmax over the last axis.
Tensor softmax(const Tensor& x);

/// factor * mean over rows of KL(softmax(teacher / T) || softmax(student / T)) from logits. A scalar. `factor` is often
/// T^2 (Hinton et al. 2015), so that the gradient's size does not depend on T. Differentiable in both; classes with
/// teacher probability 0 add nothing. Throws UsageError unless T > 0.
Tensor kl_divergence(const Tensor& student_logits, const Tensor& teacher_logits, float temperature = 1,
                     float factor = 1);

/// Mean over all elements of (a - b)^2. A scalar. Shapes must agree.
Tensor mse(const Tensor& a, const Tensor& b);

/// [rows, classes] f32 with 1 at each label of [rows] i32; rows with a label outside [0, classes) are 0. No gradient.
/// Throws ShapeError unless 1 <= classes <= 2^24.
Tensor one_hot(const Tensor& labels, dim_t classes);

}  // namespace engram
