#include <cmath>
#include <vector>

#include "kernels/channel_scale/channel_scale.h"

namespace engram::kernels::reference {
namespace {

dim_t modulo(dim_t a, dim_t n) {
  return ((a % n) + n) % n;
}

}  // namespace

void roll_flip(const double* x, double* y, dim_t planes, dim_t h, dim_t w, const Jitter& jitter, bool inverse) {
  for (dim_t plane = 0; plane < planes; ++plane)
    for (dim_t i = 0; i < h; ++i)
      for (dim_t j = 0; j < w; ++j) {
        const dim_t column = jitter.flip ? w - 1 - j : j;
        const dim_t in = (plane * h + modulo(i - jitter.dy, h)) * w + modulo(column - jitter.dx, w);
        const dim_t out = (plane * h + i) * w + j;
        if (inverse) {
          y[in] = x[out];
        } else {
          y[out] = x[in];
        }
      }
}

void channel_scale(const double* p, const double* alpha, double* y, dim_t planes, dim_t h, dim_t w,
                   const Jitter& jitter) {
  std::vector<double> scaled(planes * h * w);
  for (dim_t i = 0; i < planes * h * w; ++i) scaled[i] = alpha[i / (h * w)] * std::tanh(p[i]);
  roll_flip(scaled.data(), y, planes, h, w, jitter, false);
}

void channel_scale_backward(const double* p, const double* alpha, const double* grad_y, double* grad_p,
                            double* grad_alpha, dim_t planes, dim_t h, dim_t w, const Jitter& jitter) {
  std::vector<double> g(planes * h * w);
  roll_flip(grad_y, g.data(), planes, h, w, jitter, true);
  for (dim_t plane = 0; plane < planes; ++plane) {
    grad_alpha[plane] = 0;
    for (dim_t i = plane * h * w; i < (plane + 1) * h * w; ++i) {
      const double t = std::tanh(p[i]);
      grad_p[i] = g[i] * alpha[plane] * (1 - t * t);
      grad_alpha[plane] += g[i] * t;
    }
  }
}

}  // namespace engram::kernels::reference
