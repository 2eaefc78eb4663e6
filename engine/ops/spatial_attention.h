#pragma once
/// Attention maps of activations, fused. Threads: as engine/tensor.h says.

#include "engine/tensor.h"

namespace engram {

/// Where an image's channels are strong: q = mean over the channels of |x|^power at each position, flattened and
/// divided by max(|q|, eps); x [n,c,h,w] in any layout, result [n, h w]. (Zagoruyko and Komodakis 2017; the sum over
/// the channels gives the same map.) Differentiable to any order, sign(0) = 0; independent of the thread count. Throws
/// ShapeError for other than four axes with at least one channel and pixel, UsageError unless 1 <= power <= 8 and eps >
/// 0.
Tensor spatial_attention(const Tensor& x, int power = 2, float eps = 1e-12f);

}  // namespace engram
