#pragma once
/// The gradient of cross entropy to logits, written out.

#include "engine/tensor.h"

namespace engram {

/// softmax(logits) - targets for one-hot targets [N,C], row by row: N times the gradient of the mean cross entropy.
/// The label's entry is minus the sum of the others, which keeps its digits where the label is nearly certain.
/// Differentiable in the logits.
Tensor softmax_residual(const Tensor& logits, const Tensor& targets);

}  // namespace engram
