#pragma once
/// Batch normalisation of [N,C,H,W] f32 over N, H and W, fused with a residual sum and an activation. Differentiable to
/// any order. Results with C % 16 == 0 are blocked, others planar; they do not depend on the thread count.
/// Threads: as engine/tensor.h says.
#include "engine/tensor.h"
#include "kernels/common/activation_function.h"

namespace engram {

using kernels::Activation;

struct BatchNormOptions {
  bool training = false;  ///< batch statistics, and running statistics updated; else running statistics
  float momentum = 0.1f;  ///< weight of the new value in the running statistics
  float eps = 1e-5f;      ///< added to the variance
  Activation activation = Activation::kNone;
  float slope = 0;  ///< of kLeakyRelu below 0
};

/// y = act(gamma (x - mean) / sqrt(var + eps) + beta (+ residual)). gamma and beta: [C], or undefined for 1 and 0;
/// residual: undefined or of x's shape.
///
/// In training mean and var are those of the batch (biased); running_mean and running_var, unless undefined, become
/// (1 - momentum) old + momentum new, with the unbiased variance, and are bumped in version. In evaluation they are
/// mean and var. Gradients go to x, gamma, beta and the residual; a node keeps x (only if x or gamma needs it), one bit
/// an element for the activation, and no y. Throws ShapeError for extents that do not fit and for a single value a
/// channel in training, UsageError for missing running statistics in evaluation.
Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean,
                  const Tensor& running_var, const BatchNormOptions& options = {}, const Tensor& residual = {});

/// The activation as an operation of its own.
Tensor apply_activation(const Tensor& x, Activation activation, float slope);

}  // namespace engram
