#include <algorithm>
#include <cmath>

#include "kernels/coordinate_descent/coordinate_descent.h"

namespace engram::kernels {

Cost coordinate_pass_cost(dim_t rows, dim_t num_active) {
  return {(rows * num_active + rows) * 8, num_active * 8, 2 * rows * num_active};
}

Cost column_sums_cost(dim_t rows, dim_t num_columns, bool squared) {
  return {(rows * num_columns + rows) * 8, num_columns * 8, (squared ? 3 : 2) * rows * num_columns};
}

namespace reference {

void coordinate_pass(const CoordinatePassArgs& args) {
  *args.largest = 0;
  for (dim_t a = 0; a < args.num_active; ++a) {
    const dim_t j = args.active[a];
    const double h = args.curvature[j];
    if (h == 0) continue;
    double v = h * args.beta[j];
    for (dim_t i = 0; i < args.rows; ++i) v += args.columns[j][i] * args.residual[i];
    const double shrunk = std::max(0., std::abs(v) - args.l1[j]) / (h + args.l2[j]);
    const double change = std::copysign(shrunk, v) - args.beta[j];
    args.beta[j] += change;
    for (dim_t i = 0; i < args.rows; ++i) {
      args.residual[i] -= change * args.weight[i] * args.columns[j][i];
      args.eta[i] += change * args.columns[j][i];
    }
    *args.largest = std::max(*args.largest, h * change * change);
  }
}

void column_sums(const ColumnSumsArgs& args) {
  for (dim_t a = 0; a < args.num_active; ++a) {
    const dim_t j = args.active ? args.active[a] : a;
    double sum = 0;
    for (dim_t i = 0; i < args.rows; ++i) {
      const double x = args.columns[j][i];
      sum += (args.squared ? x * x : x) * args.v[i];
    }
    args.out[j] = sum;
  }
}

}  // namespace reference

}  // namespace engram::kernels
