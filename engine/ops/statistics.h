#pragma once
/// Extremes, their positions, variances and norms over axes. Axes may be negative; none means all. With `keepdim`
/// reduced axes stay as extents of 1. f32; differentiable to any order unless said otherwise; results do not depend on
/// the thread count. Threads: as engine/tensor.h says.

#include <vector>

#include "engine/tensor.h"

namespace engram {

/// Largest element over `axes`; NaN wins. Equal largest elements share the gradient evenly.
/// Throws ShapeError when a reduced axis has no elements.
Tensor max(const Tensor& x, const std::vector<int>& axes = {}, bool keepdim = false);
/// Smallest element over `axes`; as max.
Tensor min(const Tensor& x, const std::vector<int>& axes = {}, bool keepdim = false);

/// i32 position of the largest element along `axis`; the first of equals. No gradient.
Tensor argmax(const Tensor& x, int axis = -1, bool keepdim = false);
/// i32 position of the smallest element along `axis`; the first of equals. No gradient.
Tensor argmin(const Tensor& x, int axis = -1, bool keepdim = false);

/// Variance over `axes`: the mean squared distance from the mean, the sum divided by count - correction.
/// Two passes, so no cancellation. correction 1 gives the unbiased estimate.
Tensor var(const Tensor& x, const std::vector<int>& axes = {}, bool keepdim = false, int correction = 0);

/// Euclidean norm over `axes`. The gradient of a zero norm is 0.
Tensor norm(const Tensor& x, const std::vector<int>& axes = {}, bool keepdim = false);

}  // namespace engram
