#include "engine/ops/adaptive_pool.h"

#include <vector>

#include "engine/ops/layout.h"
#include "engine/ops/matmul.h"
#include "engine/ops/pool.h"

namespace engram {
namespace {

/// [in, out]: column o holds 1 / count at the positions that window o covers.
Tensor averaging_matrix(dim_t in, dim_t out, const Device& device) {
  std::vector<float> values(std::size_t(in * out), 0.f);
  for (dim_t o = 0; o < out; ++o) {
    const dim_t first = o * in / out, last = ((o + 1) * in + out - 1) / out;
    for (dim_t i = first; i < last; ++i) values[std::size_t(i * out + o)] = 1.f / float(last - first);
  }
  return Tensor::from(values, {in, out}, device);
}

/// Means along the last axis.
Tensor pooled_rows(const Tensor& x, dim_t out) {
  const Shape& s = x.shape();
  if (s[3] == out) return x;
  const Tensor rows = reshape(x.contiguous(), {s[0] * s[1] * s[2], s[3]});
  return reshape(matmul(rows, averaging_matrix(s[3], out, x.device())), {s[0], s[1], s[2], out});
}

}  // namespace

Tensor adaptive_avg_pool2d(const Tensor& x, dim_t out_h, dim_t out_w) {
  if (x.rank() != 4 || out_h < 1 || out_w < 1 || out_h > x.dim(2) || out_w > x.dim(3))
    throw ShapeError(message("[adaptive_avg_pool2d] expected x [N,C,H,W] and at most its pixels, got ", x.describe(),
                             " and ", out_h, "x", out_w));
  const dim_t kernel = x.dim(2) / out_h;
  if (kernel * out_h == x.dim(2) && kernel * out_w == x.dim(3)) return avg_pool2d(x, {.kernel = kernel});
  const Tensor by_columns = pooled_rows(x.contiguous(), out_w);
  const Tensor y = transpose(pooled_rows(transpose(by_columns, 2, 3), out_h), 2, 3).contiguous();
  return x.layout() == Layout::kBlocked ? y.blocked() : y;
}

}  // namespace engram
