#include <cmath>
#include <vector>

#include "kernels/residual_cosine/residual_cosine.h"

namespace engram::kernels::reference {
namespace {

std::vector<double> softmax(const double* x, dim_t count) {
  double total = 0;
  for (dim_t j = 0; j < count; ++j) total += std::exp(x[j]);
  std::vector<double> p;
  for (dim_t j = 0; j < count; ++j) p.push_back(std::exp(x[j]) / total);
  return p;
}

/// residual matrix of one row.
std::vector<double> row_times(const double* residual, const double* matrix, dim_t classes, dim_t width) {
  std::vector<double> g(std::size_t(width), 0.0);
  for (dim_t c = 0; c < classes; ++c)
    for (dim_t i = 0; i < width; ++i) g[std::size_t(i)] += residual[c] * matrix[c * width + i];
  return g;
}

double dot(const std::vector<double>& a, const std::vector<double>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += a[i] * b[i];
  return sum;
}

}  // namespace

void head_residual(const double* logits, const double* targets, dim_t rows, dim_t classes, bool twice, double* residual,
                   double* row_loss) {
  for (dim_t r = 0; r < rows; ++r) {
    const std::vector<double> p = softmax(logits + r * classes, classes);
    const std::vector<double> q = twice ? softmax(p.data(), classes) : p;
    row_loss[r] = 0;
    for (dim_t c = 0; c < classes; ++c) {
      const double t = targets[r * classes + c];
      residual[r * classes + c] = p[std::size_t(c)] - t;
      row_loss[r] -= t * std::log(q[std::size_t(c)]);
    }
  }
}

void residual_cosine(const double* residual1, const double* residual2, const double* m1, const double* m2, dim_t rows,
                     dim_t classes1, dim_t classes2, dim_t width, double eps, double* cos, double* norm1,
                     double* norm2) {
  for (dim_t r = 0; r < rows; ++r) {
    const std::vector<double> g1 = row_times(residual1 + r * classes1, m1, classes1, width);
    const std::vector<double> g2 = row_times(residual2 + r * classes2, m2, classes2, width);
    norm1[r] = std::sqrt(dot(g1, g1));
    norm2[r] = std::sqrt(dot(g2, g2));
    const double below = (norm1[r] + eps) * (norm2[r] + eps);
    cos[r] = below > 0 ? dot(g1, g2) / below : 0;
  }
}

void shifted_concat(const double* a1, const double* a2, const double* residual, const double* weight,
                    const double* alpha, dim_t rows, dim_t classes, dim_t width, double length, double eps,
                    double* out) {
  for (dim_t r = 0; r < rows; ++r) {
    const std::vector<double> t = row_times(residual + r * classes, weight, classes, width);
    const double below = std::sqrt(dot(t, t)) + eps;
    for (dim_t i = 0; i < width; ++i) {
      const double step = below > 0 ? alpha[r] * length * t[std::size_t(i)] / below : 0;
      out[r * 2 * width + i] = a1[r * width + i];
      out[r * 2 * width + width + i] = a2[r * width + i] + step;
    }
  }
}

}  // namespace engram::kernels::reference
