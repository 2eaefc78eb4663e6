#include "models/methods/metrics/symmetric_eigenvalues.h"

#include <algorithm>
#include <cmath>

#include "kernels/common/error.h"

namespace engram {
namespace {

/// A tridiagonal matrix: its diagonal, and the value beside each but the last.
struct Tridiagonal {
  std::vector<double> diagonal, beside;
};

/// Reflections from both sides that clear all but the diagonal and its neighbours, column by column.
Tridiagonal tridiagonal_form(std::vector<double>& a, dim_t n) {
  Tridiagonal t = {std::vector<double>(std::size_t(n), 0.0), std::vector<double>(std::size_t(n), 0.0)};
  std::vector<double> v(std::size_t(n), 0.0), p(v);
  for (dim_t k = 0; k + 1 < n; ++k) {
    double squares = 0;
    for (dim_t i = k + 1; i < n; ++i) squares += a[i * n + k] * a[i * n + k];
    const double first = a[(k + 1) * n + k], length = first > 0 ? -std::sqrt(squares) : std::sqrt(squares);
    t.diagonal[k] = a[k * n + k];
    t.beside[k] = length;
    const double half = squares - first * length;  // |v|^2 / 2
    if (half == 0) continue;
    for (dim_t i = k + 1; i < n; ++i) v[i] = a[i * n + k];
    v[k + 1] -= length;
    double along = 0;
    for (dim_t i = k + 1; i < n; ++i) {
      double sum = 0;
      for (dim_t j = k + 1; j < n; ++j) sum += (j <= i ? a[i * n + j] : a[j * n + i]) * v[j];
      p[i] = sum / half;
      along += p[i] * v[i];
    }
    for (dim_t i = k + 1; i < n; ++i) p[i] -= along / (2 * half) * v[i];
    for (dim_t i = k + 1; i < n; ++i)
      for (dim_t j = k + 1; j <= i; ++j) a[i * n + j] -= v[i] * p[j] + p[i] * v[j];
  }
  if (n > 0) t.diagonal[n - 1] = a[n * n - 1];
  return t;
}

/// The end of the block that begins at `from` and that no negligible value beside the diagonal cuts.
dim_t block_end(const Tridiagonal& t, dim_t from) {
  const dim_t last = dim_t(t.diagonal.size()) - 1;
  for (dim_t m = from; m < last; ++m) {
    const double around = std::abs(t.diagonal[m]) + std::abs(t.diagonal[m + 1]);
    if (std::abs(t.beside[m]) <= 1e-15 * around || t.beside[m] == 0) return m;
  }
  return last;
}

/// One QL step with Wilkinson's shift on rows [from, to]: rotations chase the bulge from the bottom to the top.
void ql_step(Tridiagonal& t, dim_t from, dim_t to) {
  auto &d = t.diagonal, &e = t.beside;
  const double ratio = (d[from + 1] - d[from]) / (2 * e[from]), root = std::hypot(ratio, 1.0);
  double g = d[to] - d[from] + e[from] / (ratio + (ratio >= 0 ? root : -root));
  double sine = 1, cosine = 1, shifted = 0;
  for (dim_t i = to - 1; i >= from; --i) {
    const double f = sine * e[i], b = cosine * e[i], length = std::hypot(f, g);
    e[i + 1] = length;
    if (length == 0) {  // the block falls apart here
      d[i + 1] -= shifted;
      e[to] = 0;
      return;
    }
    sine = f / length;
    cosine = g / length;
    g = d[i + 1] - shifted;
    const double turned = (d[i] - g) * sine + 2 * cosine * b;
    shifted = sine * turned;
    d[i + 1] = g + shifted;
    g = cosine * turned - b;
  }
  d[from] -= shifted;
  e[from] = g;
  e[to] = 0;
}

}  // namespace

std::vector<double> symmetric_eigenvalues(std::vector<double> matrix, dim_t n) {
  if (n < 0 || dim_t(matrix.size()) != n * n)
    throw ShapeError(message("[symmetric_eigenvalues] expected ", n, " x ", n, " values, got ", matrix.size()));
  for (const double v : matrix)
    if (!std::isfinite(v)) throw DataError(message("[symmetric_eigenvalues] expected finite values, got ", v));
  Tridiagonal t = tridiagonal_form(matrix, n);
  for (dim_t from = 0; from < n; ++from)
    for (dim_t to = block_end(t, from); to != from; to = block_end(t, from)) ql_step(t, from, to);
  std::sort(t.diagonal.begin(), t.diagonal.end(), std::greater<>());
  return t.diagonal;
}

}  // namespace engram
