#pragma once
/// Sums over axes; other reductions build on the same kernels. Differentiable to any order. Sums are accurate (short
/// runs in f32, those in double) and do not depend on the thread count. Threads: as engine/tensor.h says.

#include <vector>

#include "engine/tensor.h"

namespace engram {

/// Sum over `axes` (all when empty); kept as extents of 1 with `keepdim`. Throws ShapeError.
Tensor sum(const Tensor& x, const std::vector<int>& axes = {}, bool keepdim = false);
/// Mean over `axes` (all when empty).
Tensor mean(const Tensor& x, const std::vector<int>& axes = {}, bool keepdim = false);
/// Sums x down to `shape`, of which x is a broadcast: the adjoint of expand. Throws ShapeError.
Tensor sum_to(const Tensor& x, const Shape& shape);

}  // namespace engram
