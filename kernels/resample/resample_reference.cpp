#include <algorithm>

#include "kernels/resample/resample.h"

namespace engram::kernels::reference {
namespace {

/// Calls `visit(input, output)` with the flat positions of each output and of the input that it copies.
template <class Visit>
void for_each_output(const ActivationShape& x, dim_t factor, const Visit& visit) {
  const dim_t out_h = x.h * factor, out_w = x.w * factor;
  for (dim_t plane = 0; plane < x.n * x.c; ++plane)
    for (dim_t i = 0; i < out_h; ++i)
      for (dim_t j = 0; j < out_w; ++j) {
        visit((plane * x.h + i / factor) * x.w + j / factor, (plane * out_h + i) * out_w + j);
      }
}

}  // namespace

void upsample_nearest(const ActivationShape& x_shape, dim_t factor, const double* x, double* y) {
  for_each_output(x_shape, factor, [&](dim_t in, dim_t out) { y[out] = x[in]; });
}

void upsample_nearest_backward(const ActivationShape& x_shape, dim_t factor, const double* dy, double* dx) {
  std::fill(dx, dx + x_shape.count(), 0.0);
  for_each_output(x_shape, factor, [&](dim_t in, dim_t out) { dx[in] += dy[out]; });
}

}  // namespace engram::kernels::reference
