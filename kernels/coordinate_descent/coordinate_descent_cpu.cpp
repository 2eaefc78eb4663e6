#include <algorithm>
#include <cmath>

#include "kernels/common/vec_math_f64.h"
#include "kernels/coordinate_descent/coordinate_descent.h"

namespace engram::kernels {
namespace {

template <bool kSquared>
ENGRAM_ALWAYS_INLINE double weighted_sum(const double* x, const double* v, dim_t rows) {
  Vec8d sum[4] = {};
  dim_t i = 0;
  for (; i + 32 <= rows; i += 32) {
    for (int k = 0; k < 4; ++k) {
      const Vec8d xi = load8d(x + i + 8 * k), vi = load8d(v + i + 8 * k);
      sum[k] += kSquared ? xi * xi * vi : xi * vi;
    }
  }
  for (; i + 8 <= rows; i += 8) {
    const Vec8d xi = load8d(x + i), vi = load8d(v + i);
    sum[0] += kSquared ? xi * xi * vi : xi * vi;
  }
  double rest = 0;
  for (; i < rows; ++i) rest += (kSquared ? x[i] * x[i] : x[i]) * v[i];
  return sum_lanes8d((sum[0] + sum[1]) + (sum[2] + sum[3])) + rest;
}

ENGRAM_ALWAYS_INLINE void move(const CoordinatePassArgs& args, const double* x, double change) {
  dim_t i = 0;
  for (; i + 8 <= args.rows; i += 8) {
    const Vec8d step = load8d(x + i) * change;
    store8d(args.residual + i, load8d(args.residual + i) - step * load8d(args.weight + i));
    store8d(args.eta + i, load8d(args.eta + i) + step);
  }
  for (; i < args.rows; ++i) {
    const double step = x[i] * change;
    args.residual[i] -= step * args.weight[i];
    args.eta[i] += step;
  }
}

ENGRAM_MULTIVERSION void pass_columns(const CoordinatePassArgs& args) {
  double largest = 0;
  for (dim_t a = 0; a < args.num_active; ++a) {
    const dim_t j = args.active[a];
    const double h = args.curvature[j];
    if (h == 0) continue;
    const double v = h * args.beta[j] + weighted_sum<false>(args.columns[j], args.residual, args.rows);
    const double shrunk = std::max(0., std::abs(v) - args.l1[j]) / (h + args.l2[j]);
    const double change = std::copysign(shrunk, v) - args.beta[j];
    if (change == 0) continue;
    args.beta[j] += change;
    move(args, args.columns[j], change);
    largest = std::max(largest, h * change * change);
  }
  *args.largest = largest;
}

void pass(Stream, const CoordinatePassArgs& args) {
  pass_columns(args);
}

ENGRAM_MULTIVERSION void sum_columns(const ColumnSumsArgs& args) {
  for (dim_t a = 0; a < args.num_active; ++a) {
    const dim_t j = args.active ? args.active[a] : a;
    args.out[j] = args.squared ? weighted_sum<true>(args.columns[j], args.v, args.rows)
                               : weighted_sum<false>(args.columns[j], args.v, args.rows);
  }
}

void column_sums(Stream, const ColumnSumsArgs& args) {
  sum_columns(args);
}

}  // namespace

const CoordinateDescentKernels kCpuCoordinateDescent = {
    .pass = pass,
    .column_sums = column_sums,
};

}  // namespace engram::kernels
