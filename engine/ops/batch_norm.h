#pragma once
/// Batch normalisation (Ioffe and Szegedy 2015), fused with a residual sum and an activation.

#include "engine/tensor.h"
#include "kernels/batch_norm/batch_norm.h"

namespace engram {

using kernels::Activation;

struct BatchNormOptions {
  bool training = false;  ///< normalise by the batch's statistics and update the running ones
  float momentum = 0.1f;  ///< weight of the batch in the running statistics
  float eps = 1e-5f;
  Activation activation = Activation::kNone;
  float slope = 0;  ///< of kLeakyRelu
};

/// act(gamma (x - mean) / sqrt(var + eps) + beta + residual) per channel of x [N,C,H,W]; gamma, beta, running_mean, running_var [C];
/// residual undefined or of the shape of x. In training, mean and (biased) variance are those of the batch, and the running statistics are
/// updated in place, the variance with its unbiased estimate, as PyTorch does; else they are the running ones. The result has the layout
/// of x. Differentiable to any order in x, gamma, beta and residual; first order in one fused kernel, which does not depend on the thread
/// count. Throws ShapeError.
Tensor batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean, const Tensor& running_var,
                  const BatchNormOptions& options = {}, const Tensor& residual = {});

/// The activation as an operation of its own.
Tensor apply_activation(const Tensor& x, Activation activation, float slope);

}  // namespace engram
