#include <Eigen/Cholesky>
#include <algorithm>
#include <cmath>

#include "kernels/dense_solve/dense_solve.h"

namespace engram::kernels {
namespace {

using Matrix = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Map = Eigen::Map<Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;
using ConstMap = Eigen::Map<const Matrix, Eigen::Unaligned, Eigen::OuterStride<>>;
using Vector = Eigen::Map<Eigen::VectorXd>;

void copy_lower(const CholeskyArgs& args) {
  for (dim_t i = 0; i < args.n; ++i) {
    std::copy_n(args.a + i * args.stride, i + 1, args.factor + i * args.stride);
    std::fill(args.factor + i * args.stride + i + 1, args.factor + (i + 1) * args.stride, 0.);
  }
}

bool none_aliased(const CholeskyArgs& args) {
  return std::all_of(args.aliased, args.aliased + args.n, [](std::uint8_t a) { return a == 0; });
}

/// Blocked factorisation in place; false if a pivot is too small, and then `factor` is spoilt.
bool factor_full_rank(const CholeskyArgs& args) {
  Map factor(args.factor, args.n, args.n, Eigen::OuterStride<>(args.stride));
  // Eigen works column by column; the transpose of a row-major lower triangle is a column-major upper one.
  using Upper = Eigen::Ref<Eigen::MatrixXd, 0, Eigen::OuterStride<>>;
  Upper upper = factor.transpose();
  if (Eigen::LLT<Upper, Eigen::Upper>(upper).info() != Eigen::Success) return false;
  for (dim_t j = 0; j < args.n; ++j) {
    const double l = args.factor[j * args.stride + j];
    if (!(l * l > args.tolerance * args.magnitude[j])) return false;
  }
  return true;
}

/// Row by row with dropped columns. NaN in the matrix drops its columns too.
void factor_dropping(const CholeskyArgs& args) {
  for (dim_t i = 0; i < args.n; ++i) {
    double* row = args.factor + i * args.stride;
    const auto drop = [&] {
      std::fill(row, row + i, 0.);
      row[i] = 1;
      args.aliased[i] = 1;
    };
    if (args.aliased[i]) {
      drop();
      continue;
    }
    double pivot = row[i];
    for (dim_t j = 0; j < i; ++j) {
      if (args.aliased[j]) {
        row[j] = 0;
        continue;
      }
      const double* other = args.factor + j * args.stride;
      double sum = row[j];
      for (dim_t k = 0; k < j; ++k) sum -= row[k] * other[k];
      row[j] = sum / other[j];
      pivot -= row[j] * row[j];
    }
    if (pivot > args.tolerance * args.magnitude[i]) {
      row[i] = std::sqrt(pivot);
    } else {
      drop();
    }
  }
}

void cholesky(Stream, const CholeskyArgs& args) {
  copy_lower(args);
  if (!none_aliased(args) || !factor_full_rank(args)) {
    copy_lower(args);
    factor_dropping(args);
  }
  if (args.num_aliased) *args.num_aliased = std::count(args.aliased, args.aliased + args.n, std::uint8_t(1));
}

void solve(Stream, const CholeskySolveArgs& args) {
  const ConstMap factor(args.factor, args.n, args.n, Eigen::OuterStride<>(args.stride));
  if (args.x != args.b) std::copy_n(args.b, args.n, args.x);
  // A dropped column has a unit row and column in the factor, so zero goes through.
  for (dim_t i = 0; i < args.n; ++i)
    if (args.aliased[i]) args.x[i] = 0;
  Vector x(args.x, args.n);
  factor.triangularView<Eigen::Lower>().solveInPlace(x);
  factor.transpose().triangularView<Eigen::Upper>().solveInPlace(x);
}

void inverse(Stream, const CholeskyInverseArgs& args) {
  const ConstMap factor(args.factor, args.n, args.n, Eigen::OuterStride<>(args.stride));
  Map inverse(args.inverse, args.n, args.n, Eigen::OuterStride<>(args.stride));
  inverse.setIdentity();
  factor.triangularView<Eigen::Lower>().solveInPlace(inverse);
  factor.transpose().triangularView<Eigen::Upper>().solveInPlace(inverse);
  for (dim_t i = 0; i < args.n; ++i) {
    for (dim_t j = 0; j < i; ++j) inverse(i, j) = inverse(j, i) = (inverse(i, j) + inverse(j, i)) / 2;
    if (args.aliased[i]) inverse(i, i) = 0;
  }
}

}  // namespace

const DenseSolveKernels kCpuDenseSolve = {
    .cholesky = cholesky,
    .solve = solve,
    .inverse = inverse,
};

}  // namespace engram::kernels
