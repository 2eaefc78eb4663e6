#pragma once
/// The penalty of invariant risk minimisation.

#include "engine/tensor.h"

namespace engram {

/// d/dw CE(w logits, labels) at w = 1: the mean over rows of (softmax(logits) - onehot(labels)) . logits, a scalar.
/// Written out, so that the penalty needs no second derivative (docs/methods/ood.md).
Tensor scale_gradient(const Tensor& logits, const Tensor& labels);

/// Its square; with `halves` the product of the gradients of the even and the odd rows, whose expectation the square of
/// a mini-batch's gradient overestimates. Halves need two rows, or ShapeError.
Tensor irm_penalty(const Tensor& logits, const Tensor& labels, bool halves);

}  // namespace engram
