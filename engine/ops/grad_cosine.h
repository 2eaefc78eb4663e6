#pragma once
/// Cosine similarity, with value, gradient and gradient of the gradient each a fused kernel; order 3 and above in
/// recorded operations. Threads: as engine/tensor.h says.

#include "engine/tensor.h"

namespace engram {

/// a.b / (max(|a|, eps) max(|b|, eps)) for each index of the first axis, all other axes together; [rows]. Where a norm
/// does not exceed eps its denominator counts as a constant. Made for the angle between per-sample gradients. Throws
/// ShapeError unless the shapes agree.
Tensor grad_cosine(const Tensor& a, const Tensor& b, float eps = 1e-8f);

/// The same over the last axis; the result has the other axes.
Tensor cosine_similarity(const Tensor& a, const Tensor& b, float eps = 1e-8f);

}  // namespace engram
