#include <algorithm>
#include <vector>

#include "kernels/pool/pool.h"

namespace engram::kernels::reference {
namespace {

dim_t outputs(const WindowGeometry& g) {
  return g.x.n * g.x.c * g.out_h() * g.out_w();
}

/// Divisor of each window.
std::vector<double> divisors(const WindowGeometry& g, bool count_padding) {
  std::vector<double> count(outputs(g), count_padding ? double(g.taps()) : 0.0);
  if (!count_padding) for_each_window_pixel(g, [&](dim_t o, dim_t, dim_t, dim_t) { count[o] += 1; });
  return count;
}

}  // namespace

void max_pool(const WindowGeometry& g, const double* x, double* y, std::int32_t* index) {
  std::fill(index, index + outputs(g), -1);
  for_each_window_pixel(g, [&](dim_t o, dim_t plane, dim_t position, dim_t) {
    const double v = x[plane * g.x.pixels() + position];
    if (index[o] < 0 || v > y[o] || (v != v && y[o] == y[o])) {
      y[o] = v;
      index[o] = static_cast<std::int32_t>(position);
    }
  });
}

void max_pool_backward(const WindowGeometry& g, const double* dy, const std::int32_t* index, double* dx) {
  std::fill(dx, dx + g.x.count(), 0.0);
  const dim_t out_pixels = g.out_h() * g.out_w();
  for (dim_t o = 0; o < outputs(g); ++o) dx[o / out_pixels * g.x.pixels() + index[o]] += dy[o];
}

void avg_pool(const WindowGeometry& g, bool count_padding, const double* x, double* y) {
  const auto count = divisors(g, count_padding);
  std::fill(y, y + outputs(g), 0.0);
  for_each_window_pixel(
      g, [&](dim_t o, dim_t plane, dim_t position, dim_t) { y[o] += x[plane * g.x.pixels() + position] / count[o]; });
}

void avg_pool_backward(const WindowGeometry& g, bool count_padding, const double* dy, double* dx) {
  const auto count = divisors(g, count_padding);
  std::fill(dx, dx + g.x.count(), 0.0);
  for_each_window_pixel(
      g, [&](dim_t o, dim_t plane, dim_t position, dim_t) { dx[plane * g.x.pixels() + position] += dy[o] / count[o]; });
}

}  // namespace engram::kernels::reference
