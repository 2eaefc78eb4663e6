#pragma once
/// Coordinate descent on a penalised weighted least-squares problem, and the column sums around it (Friedman, Hastie,
/// Tibshirani 2010). Double precision, host memory, one thread.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// One pass over `active`, in that order. The problem: minimise 1/2 sum_i w_i (y_i - eta_i)^2 + sum_j (l1_j |b_j| +
/// l2_j b_j^2 / 2). Coordinate j becomes soft(g_j + h_j b_j, l1_j) / (h_j + l2_j), g_j = sum_i x_ij r_i.
struct CoordinatePassArgs {
  const double* const* columns;  ///< [num_columns] of [rows]
  dim_t rows;
  const std::int32_t* active;
  dim_t num_active;
  const double* weight;     ///< [rows] w
  const double* curvature;  ///< [num_columns] h_j = sum w x^2; a coordinate with 0 stays
  const double* l1;         ///< [num_columns]
  const double* l2;         ///< [num_columns]
  double* residual;         ///< [rows] r_i = w_i (y_i - eta_i), updated
  double* eta;              ///< [rows], updated
  double* beta;             ///< [num_columns], updated
  double* largest;          ///< largest h_j (change of b_j)^2 of the pass
};

/// out[j] = sum_i x_ij v_i, or with `squared` sum_i x_ij^2 v_i, for j in `active` (null: all num_active first columns).
struct ColumnSumsArgs {
  const double* const* columns;
  dim_t rows;
  const std::int32_t* active;
  dim_t num_active;
  const double* v;  ///< [rows]
  bool squared;
  double* out;  ///< [num_columns]; entries outside `active` are left
};

/// Entry points of one back end.
struct CoordinateDescentKernels {
  void (*pass)(Stream, const CoordinatePassArgs&);
  void (*column_sums)(Stream, const ColumnSumsArgs&);
};

/// Each active column read once; two operations a value for the gradient (the update of a changed one is not counted).
Cost coordinate_pass_cost(dim_t rows, dim_t num_active);
/// Each column read once; two operations a value, three if squared.
Cost column_sums_cost(dim_t rows, dim_t num_columns, bool squared);

/// The CPU back end.
extern const CoordinateDescentKernels kCpuCoordinateDescent;

/// Plain loops: the oracle of the tests.
namespace reference {
void coordinate_pass(const CoordinatePassArgs& args);
void column_sums(const ColumnSumsArgs& args);
}  // namespace reference

}  // namespace engram::kernels
