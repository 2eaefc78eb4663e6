#include <algorithm>
#include <vector>

#include "kernels/pool/pool.h"

namespace engram::kernels::reference {
namespace {

/// Calls `visit(plane, output, position)` for each input pixel of each window, in row-major order.
template <class Visit>
void for_each_window_pixel(const PoolGeometry& g, const Visit& visit) {
  for (dim_t plane = 0; plane < g.x.n * g.x.c; ++plane)
    for (dim_t oh = 0; oh < g.out_h(); ++oh)
      for (dim_t ow = 0; ow < g.out_w(); ++ow)
        for (dim_t kh = 0; kh < g.kernel_h; ++kh)
          for (dim_t kw = 0; kw < g.kernel_w; ++kw) {
            const dim_t h = oh * g.stride_h - g.pad_h + kh, w = ow * g.stride_w - g.pad_w + kw;
            if (h < 0 || h >= g.x.h || w < 0 || w >= g.x.w) continue;
            visit((plane * g.out_h() + oh) * g.out_w() + ow, plane * g.x.pixels(), h * g.x.w + w);
          }
}

dim_t outputs(const PoolGeometry& g) {
  return g.x.n * g.x.c * g.out_h() * g.out_w();
}

/// Divisor of each window.
std::vector<double> divisors(const PoolGeometry& g, bool count_padding) {
  std::vector<double> count(outputs(g), count_padding ? double(g.kernel_h * g.kernel_w) : 0.0);
  if (!count_padding) for_each_window_pixel(g, [&](dim_t o, dim_t, dim_t) { count[o] += 1; });
  return count;
}

}  // namespace

void max_pool(const PoolGeometry& g, const double* x, double* y, std::int32_t* index) {
  std::fill(index, index + outputs(g), -1);
  for_each_window_pixel(g, [&](dim_t o, dim_t plane, dim_t position) {
    const double v = x[plane + position];
    if (index[o] < 0 || v > y[o] || (v != v && y[o] == y[o])) {
      y[o] = v;
      index[o] = static_cast<std::int32_t>(position);
    }
  });
}

void max_pool_backward(const PoolGeometry& g, const double* dy, const std::int32_t* index, double* dx) {
  std::fill(dx, dx + g.x.count(), 0.0);
  const dim_t out_pixels = g.out_h() * g.out_w();
  for (dim_t o = 0; o < outputs(g); ++o) dx[o / out_pixels * g.x.pixels() + index[o]] += dy[o];
}

void avg_pool(const PoolGeometry& g, bool count_padding, const double* x, double* y) {
  const auto count = divisors(g, count_padding);
  std::fill(y, y + outputs(g), 0.0);
  for_each_window_pixel(g, [&](dim_t o, dim_t plane, dim_t position) { y[o] += x[plane + position] / count[o]; });
}

void avg_pool_backward(const PoolGeometry& g, bool count_padding, const double* dy, double* dx) {
  const auto count = divisors(g, count_padding);
  std::fill(dx, dx + g.x.count(), 0.0);
  for_each_window_pixel(g, [&](dim_t o, dim_t plane, dim_t position) { dx[plane + position] += dy[o] / count[o]; });
}

}  // namespace engram::kernels::reference
