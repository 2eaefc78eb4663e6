#pragma once
/// Distance between normalised factors, fused. Threads: as engine/tensor.h says.

#include "engine/tensor.h"

namespace engram {

/// Mean over all elements of |u - v| (p = 1), or the root of the mean of (u - v)^2 (p = 2), a scalar; u and v are `a`
/// and `target` with each index of the first axis brought to length 1 (divided by its norm or eps, if that is more).
/// The distance of factor transfer (Kim et al. 2018, equation 3); its negative drives exploration apart (Huang et al.
/// 2021). `target` is a constant: it takes no gradient. Differentiable to any order in `a`: sign(0) = 0, and with p = 2
/// equal operands have the gradient 0. Independent of the thread count. Throws ShapeError unless the shapes agree and
/// hold at least one element, UsageError unless p is 1 or 2 and eps > 0.
Tensor normalized_distance(const Tensor& a, const Tensor& target, int p = 1, float eps = 1e-12f);

}  // namespace engram
