#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/factor_distance/factor_distance.h"

namespace engram::kernels::reference {
namespace {

double norm(const double* x, dim_t width) {
  double sum = 0;
  for (dim_t i = 0; i < width; ++i) sum += x[i] * x[i];
  return std::sqrt(sum);
}

std::vector<double> unit_rows(const double* x, dim_t rows, dim_t width, double eps) {
  std::vector<double> unit(std::size_t(rows * width));
  for (dim_t r = 0; r < rows; ++r) {
    const double length = std::max(norm(x + r * width, width), eps);
    for (dim_t i = r * width; i < (r + 1) * width; ++i) unit[i] = x[i] / length;
  }
  return unit;
}

}  // namespace

double factor_distance(const double* a, const double* b, dim_t rows, dim_t width, int p, double eps) {
  const auto u = unit_rows(a, rows, width, eps), v = unit_rows(b, rows, width, eps);
  double sum = 0;
  for (dim_t i = 0; i < rows * width; ++i) sum += std::pow(std::abs(u[i] - v[i]), p);
  return std::pow(sum / double(rows * width), 1.0 / p);
}

void factor_distance_backward(const double* a, const double* b, double grad, dim_t rows, dim_t width, int p, double eps,
                              double* grad_a) {
  const auto u = unit_rows(a, rows, width, eps), v = unit_rows(b, rows, width, eps);
  const double loss = factor_distance(a, b, rows, width, p, eps);
  double k = grad / double(rows * width);
  if (p == 2) k = loss > 0 ? k / loss : 0;
  for (dim_t r = 0; r < rows; ++r) {
    std::vector<double> g(std::size_t(width), 0.0);
    double along = 0;
    for (dim_t i = 0; i < width; ++i) {
      const double difference = u[r * width + i] - v[r * width + i];
      g[i] = p == 2 ? difference : double(difference > 0) - double(difference < 0);
      along += u[r * width + i] * g[i];
    }
    const double length = norm(a + r * width, width), projection = length > eps ? along : 0;
    for (dim_t i = 0; i < width; ++i)
      grad_a[r * width + i] = k / std::max(length, eps) * (g[i] - u[r * width + i] * projection);
  }
}

}  // namespace engram::kernels::reference
