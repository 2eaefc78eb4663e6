#pragma once
/// Average pooling to given extents.

#include "engine/tensor.h"

namespace engram {

/// Means of [N,C,H,W] over out_h x out_w windows: row i covers the input rows from floor(i H / out_h) to
/// ceil((i + 1) H / out_h), which overlap where the extents do not divide, and columns likewise (PyTorch's
/// adaptive_avg_pool2d). Keeps the layout; differentiable to any order. Does not depend on the thread count. Throws
/// ShapeError unless x has four axes and 1 <= out_h <= H, 1 <= out_w <= W.
Tensor adaptive_avg_pool2d(const Tensor& x, dim_t out_h, dim_t out_w);

}  // namespace engram
