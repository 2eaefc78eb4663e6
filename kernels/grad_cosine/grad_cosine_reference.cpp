#include <algorithm>
#include <cmath>

#include "kernels/grad_cosine/grad_cosine.h"

namespace engram::kernels::reference {
namespace {

double dot(const double* a, const double* b, dim_t width) {
  double sum = 0;
  for (dim_t i = 0; i < width; ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

void grad_cosine(const double* a, const double* b, dim_t rows, dim_t width, double eps, double* cos) {
  for (dim_t r = 0; r < rows; ++r) {
    const double *x = a + r * width, *y = b + r * width;
    cos[r] =
        dot(x, y, width) / (std::max(std::sqrt(dot(x, x, width)), eps) * std::max(std::sqrt(dot(y, y, width)), eps));
  }
}

void grad_cosine_backward(const double* a, const double* b, const double* grad_cos, dim_t rows, dim_t width, double eps,
                          double* grad_a, double* grad_b) {
  for (dim_t r = 0; r < rows; ++r) {
    const double *x = a + r * width, *y = b + r * width;
    const double norm_x = std::sqrt(dot(x, x, width)), norm_y = std::sqrt(dot(y, y, width));
    const double nx = std::max(norm_x, eps), ny = std::max(norm_y, eps);
    const double cos = dot(x, y, width) / (nx * ny);
    for (dim_t i = 0; i < width; ++i) {
      grad_a[r * width + i] = grad_cos[r] * (y[i] / (nx * ny) - (norm_x > eps ? cos * x[i] / (nx * nx) : 0));
      grad_b[r * width + i] = grad_cos[r] * (x[i] / (nx * ny) - (norm_y > eps ? cos * y[i] / (ny * ny) : 0));
    }
  }
}

}  // namespace engram::kernels::reference
