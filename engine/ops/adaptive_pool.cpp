#include "engine/ops/adaptive_pool.h"

#include <vector>

#include "engine/ops/layout.h"
#include "engine/ops/pool.h"
#include "engine/ops/reduce.h"

namespace engram {
namespace {

/// Means over `out` windows along one axis. Sums and not a product with a matrix of shares, whose last bits would
/// depend on the library's split among threads.
Tensor pooled(const Tensor& x, int axis, dim_t out) {
  const dim_t in = x.dim(axis);
  if (in == out) return x;
  std::vector<Tensor> windows;
  for (dim_t o = 0; o < out; ++o) {
    const dim_t first = o * in / out, last = ((o + 1) * in + out - 1) / out;
    windows.push_back(mean(slice(x, axis, first, last), {axis}, true));
  }
  return concat(windows, axis);
}

}  // namespace

Tensor adaptive_avg_pool2d(const Tensor& x, dim_t out_h, dim_t out_w) {
  if (x.rank() != 4 || out_h < 1 || out_w < 1 || out_h > x.dim(2) || out_w > x.dim(3))
    throw ShapeError(message("[adaptive_avg_pool2d] expected x [N,C,H,W] and at most its pixels, got ", x.describe(),
                             " and ", out_h, "x", out_w));
  const dim_t kernel = x.dim(2) / out_h;
  if (kernel * out_h == x.dim(2) && kernel * out_w == x.dim(3)) return avg_pool2d(x, {.kernel = kernel});
  const Tensor y = pooled(pooled(x.contiguous(), 3, out_w), 2, out_h);
  return x.layout() == Layout::kBlocked ? y.blocked() : y;
}

}  // namespace engram
