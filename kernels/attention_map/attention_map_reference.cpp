#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/attention_map/attention_map.h"

namespace engram::kernels::reference {
namespace {

/// q of one image, and its length.
double strengths(const ActivationShape& s, const double* x, int power, std::vector<double>& q) {
  q.assign(std::size_t(s.pixels()), 0.0);
  for (dim_t c = 0; c < s.c; ++c)
    for (dim_t i = 0; i < s.pixels(); ++i) q[i] += std::pow(std::abs(x[c * s.pixels() + i]), power) / double(s.c);
  double sum = 0;
  for (double v : q) sum += v * v;
  return std::sqrt(sum);
}

}  // namespace

void attention_map(const ActivationShape& shape, const double* x, int power, double eps, double* map) {
  std::vector<double> q;
  for (dim_t n = 0; n < shape.n; ++n) {
    const double length = std::max(strengths(shape, x + n * shape.c * shape.pixels(), power, q), eps);
    for (dim_t i = 0; i < shape.pixels(); ++i) map[n * shape.pixels() + i] = q[i] / length;
  }
}

void attention_map_backward(const ActivationShape& shape, const double* x, const double* grad_map, int power,
                            double eps, double* grad_x) {
  std::vector<double> q;
  const dim_t pixels = shape.pixels();
  for (dim_t n = 0; n < shape.n; ++n) {
    const double *of_image = x + n * shape.c * pixels, *g = grad_map + n * pixels;
    const double norm = strengths(shape, of_image, power, q), length = std::max(norm, eps);
    double along = 0;
    for (dim_t i = 0; i < pixels; ++i) along += q[i] / length * g[i];
    if (norm <= eps) along = 0;
    for (dim_t c = 0; c < shape.c; ++c)
      for (dim_t i = 0; i < pixels; ++i) {
        const double v = of_image[c * pixels + i], grad_q = (g[i] - q[i] / length * along) / length;
        const double sign = double(v > 0) - double(v < 0);
        grad_x[(n * shape.c + c) * pixels + i] =
            grad_q * power / double(shape.c) * std::pow(std::abs(v), power - 1) * sign;
      }
  }
}

}  // namespace engram::kernels::reference
