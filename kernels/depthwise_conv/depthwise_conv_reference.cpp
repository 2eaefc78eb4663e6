#include <algorithm>

#include "kernels/depthwise_conv/depthwise_conv.h"

namespace engram::kernels {
namespace {

/// Calls `visit(output, input, weight)` for each product of the convolution, with planar positions.
template <class Visit>
void for_each_product(const DepthwiseGeometry& g, const Visit& visit) {
  for (dim_t plane = 0; plane < g.x.n * g.x.c; ++plane)
    for (dim_t oh = 0; oh < g.out_h(); ++oh)
      for (dim_t ow = 0; ow < g.out_w(); ++ow)
        for (dim_t kh = 0; kh < g.kernel_h; ++kh)
          for (dim_t kw = 0; kw < g.kernel_w; ++kw) {
            const dim_t h = oh * g.stride_h - g.pad_h + kh, w = ow * g.stride_w - g.pad_w + kw;
            if (h < 0 || h >= g.x.h || w < 0 || w >= g.x.w) continue;
            visit((plane * g.out_h() + oh) * g.out_w() + ow, (plane * g.x.h + h) * g.x.w + w,
                  (plane % g.x.c * g.kernel_h + kh) * g.kernel_w + kw);
          }
}

Cost cost(dim_t read, dim_t written, const DepthwiseGeometry& g) {
  return {.bytes_read = 4 * read, .bytes_written = 4 * written, .flops = 2 * g.y().count() * g.taps()};
}

}  // namespace

Cost depthwise_forward_cost(const DepthwiseGeometry& g) {
  return cost(g.x.count() + g.weight_count(), g.y().count(), g);
}
Cost depthwise_data_gradient_cost(const DepthwiseGeometry& g) {
  return cost(g.y().count() + g.weight_count(), g.x.count(), g);
}
Cost depthwise_weight_gradient_cost(const DepthwiseGeometry& g) {
  return cost(g.x.count() + g.y().count(), g.weight_count(), g);
}

namespace reference {

void depthwise_forward(const DepthwiseGeometry& g, const double* x, const double* weight, const double* bias,
                       double* y) {
  const dim_t pixels = g.out_h() * g.out_w();
  for (dim_t i = 0; i < g.y().count(); ++i) y[i] = bias ? bias[i / pixels % g.x.c] : 0;
  for_each_product(g, [&](dim_t o, dim_t i, dim_t k) { y[o] += x[i] * weight[k]; });
}

void depthwise_data_gradient(const DepthwiseGeometry& g, const double* gy, const double* weight, double* gx) {
  std::fill(gx, gx + g.x.count(), 0.0);
  for_each_product(g, [&](dim_t o, dim_t i, dim_t k) { gx[i] += gy[o] * weight[k]; });
}

void depthwise_weight_gradient(const DepthwiseGeometry& g, const double* x, const double* gy, double* gw) {
  std::fill(gw, gw + g.weight_count(), 0.0);
  for_each_product(g, [&](dim_t o, dim_t i, dim_t k) { gw[k] += x[i] * gy[o]; });
}

}  // namespace reference
}  // namespace engram::kernels
