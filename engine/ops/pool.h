#pragma once
/// Pooling and upsampling of activations [N,C,H,W] f32, planar or blocked; the result has the layout of x.
/// Differentiable to any order. Results do not depend on the thread count. Threads: as engine/tensor.h says.

#include "engine/tensor.h"

namespace engram {

/// A square window. stride 0 means stride = kernel. padding <= kernel / 2; kernel and stride at most 2^15. Who gets
/// another one throws UsageError.
struct Window {
  dim_t kernel = 2;
  dim_t stride = 0;
  dim_t padding = 0;
};

/// Maximum over each window, padding left out; the first of equal values takes the gradient.
/// Result [N, C, (H + 2 padding - kernel) / stride + 1, ...]. Throws ShapeError when a window does not fit.
Tensor max_pool2d(const Tensor& x, const Window& window);
/// Mean over each window; zeros of the padding count unless `count_padding` is off.
Tensor avg_pool2d(const Tensor& x, const Window& window, bool count_padding = true);
/// Mean over all pixels: [N,C,H,W] -> [N,C], dense.
Tensor global_avg_pool(const Tensor& x);
/// Each pixel `factor` x `factor` times: [N,C,H,W] -> [N, C, factor H, factor W]. Throws UsageError for a factor
/// below 1.
Tensor upsample_nearest(const Tensor& x, dim_t factor);

}  // namespace engram
