#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "kernels/symmetric_eigen/symmetric_eigen.h"

namespace engram::kernels {

Cost symmetric_eigen_cost(dim_t n, bool vectors) {
  const dim_t operations = vectors ? 9 * n * n * n : 4 * n * n * n / 3;
  return {n * (n + 1) / 2 * 8, (vectors ? n * n + n : n) * 8, operations};
}

Cost congruence_cost(dim_t n, dim_t m) {
  return {(n * n + n * m) * 8, m * m * 8, 2 * (n * n * m + n * m * m)};
}

namespace reference {
namespace {

/// Rotates rows and columns p and q of `a`, and columns of `v`, so that a[p, q] becomes 0.
void rotate(std::vector<double>& a, std::vector<double>& v, dim_t n, dim_t p, dim_t q) {
  const double off = a[std::size_t(p * n + q)];
  if (off == 0) return;
  const double theta = (a[std::size_t(q * n + q)] - a[std::size_t(p * n + p)]) / (2 * off);
  const double t = (theta < 0 ? -1 : 1) / (std::abs(theta) + std::hypot(theta, 1.));
  const double c = 1 / std::hypot(t, 1.), s = t * c;
  for (dim_t k = 0; k < n; ++k) {
    double &x = a[std::size_t(k * n + p)], &y = a[std::size_t(k * n + q)];
    const double old = x;
    x = c * old - s * y;
    y = s * old + c * y;
  }
  for (dim_t k = 0; k < n; ++k) {
    double &x = a[std::size_t(p * n + k)], &y = a[std::size_t(q * n + k)];
    const double old = x;
    x = c * old - s * y;
    y = s * old + c * y;
  }
  for (dim_t k = 0; k < n; ++k) {
    double &x = v[std::size_t(k * n + p)], &y = v[std::size_t(k * n + q)];
    const double old = x;
    x = c * old - s * y;
    y = s * old + c * y;
  }
}

}  // namespace

void symmetric_eigen(const SymmetricEigenArgs& args) {
  const dim_t n = args.n;
  std::vector<double> a(std::size_t(n * n)), v(a.size());
  for (dim_t i = 0; i < n; ++i) {
    v[std::size_t(i * n + i)] = 1;
    for (dim_t j = 0; j <= i; ++j) a[std::size_t(i * n + j)] = a[std::size_t(j * n + i)] = args.a[i * n + j];
  }
  constexpr int kSweeps = 40;  // quadratic convergence: ten are many
  for (int sweep = 0; sweep < kSweeps; ++sweep)
    for (dim_t p = 0; p < n; ++p)
      for (dim_t q = p + 1; q < n; ++q) rotate(a, v, n, p, q);
  std::vector<dim_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), dim_t(0));
  const auto value = [&](dim_t i) { return a[std::size_t(i * n + i)]; };
  std::sort(order.begin(), order.end(), [&](dim_t x, dim_t y) { return value(x) < value(y); });
  for (dim_t i = 0; i < n; ++i) {
    args.values[i] = value(order[std::size_t(i)]);
    for (dim_t k = 0; args.vectors && k < n; ++k)
      args.vectors[k * n + i] = v[std::size_t(k * n + order[std::size_t(i)])];
  }
}

void congruence(const CongruenceArgs& args) {
  for (dim_t i = 0; i < args.m; ++i)
    for (dim_t j = 0; j < args.m; ++j) {
      double sum = 0;
      for (dim_t k = 0; k < args.n; ++k)
        for (dim_t l = 0; l < args.n; ++l)
          sum += args.b[k * args.m + i] * args.a[k * args.n + l] * args.b[l * args.m + j];
      args.out[i * args.m + j] = sum;
    }
}

}  // namespace reference

}  // namespace engram::kernels
