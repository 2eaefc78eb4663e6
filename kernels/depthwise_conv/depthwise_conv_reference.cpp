#include <algorithm>

#include "kernels/depthwise_conv/depthwise_conv.h"

namespace engram::kernels {
namespace {

/// Calls `visit(output, input, weight)` for each product of the convolution, with planar positions.
template <class Visit>
void for_each_product(const WindowGeometry& g, const Visit& visit) {
  for_each_window_pixel(g, [&](dim_t output, dim_t plane, dim_t pixel, dim_t tap) {
    visit(output, plane * g.x.pixels() + pixel, plane % g.x.c * g.taps() + tap);
  });
}

Cost cost(dim_t read, dim_t written, const WindowGeometry& g) {
  return {.bytes_read = 4 * read, .bytes_written = 4 * written, .flops = 2 * g.y().count() * g.taps()};
}

}  // namespace

Cost depthwise_forward_cost(const WindowGeometry& g) {
  return cost(g.x.count() + depthwise_weight_count(g), g.y().count(), g);
}
Cost depthwise_data_gradient_cost(const WindowGeometry& g) {
  return cost(g.y().count() + depthwise_weight_count(g), g.x.count(), g);
}
Cost depthwise_weight_gradient_cost(const WindowGeometry& g) {
  return cost(g.x.count() + g.y().count(), depthwise_weight_count(g), g);
}

namespace reference {

void depthwise_forward(const WindowGeometry& g, const double* x, const double* weight, const double* bias, double* y) {
  const dim_t pixels = g.out_h() * g.out_w();
  for (dim_t i = 0; i < g.y().count(); ++i) y[i] = bias ? bias[i / pixels % g.x.c] : 0;
  for_each_product(g, [&](dim_t o, dim_t i, dim_t k) { y[o] += x[i] * weight[k]; });
}

void depthwise_data_gradient(const WindowGeometry& g, const double* gy, const double* weight, double* gx) {
  std::fill(gx, gx + g.x.count(), 0.0);
  for_each_product(g, [&](dim_t o, dim_t i, dim_t k) { gx[i] += gy[o] * weight[k]; });
}

void depthwise_weight_gradient(const WindowGeometry& g, const double* x, const double* gy, double* gw) {
  std::fill(gw, gw + depthwise_weight_count(g), 0.0);
  for_each_product(g, [&](dim_t o, dim_t i, dim_t k) { gw[k] += x[i] * gy[o]; });
}

}  // namespace reference
}  // namespace engram::kernels
