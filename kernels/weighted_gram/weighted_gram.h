#pragma once
/// Dense design matrices of regressions: packing of chosen columns, linear predictor, gradient, weighted Gram matrix.
/// Double precision, host memory, one thread.

#include "kernels/common/cost.h"
#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// Row stride of a panel of `columns` columns: the next multiple of 8 doubles.
constexpr dim_t panel_stride(dim_t columns) {
  return (columns + 7) / 8 * 8;
}

/// panel[i, j] = columns[j][i]; the padding up to `stride` is set to zero. A null column is a column of ones.
struct PackColumnsArgs {
  const double* const* columns;  ///< [num_columns]
  dim_t num_columns, rows, stride;
  double* panel;  ///< [rows, stride]
};

/// y = panel beta + offset. `offset` may be null.
struct LinearPredictorArgs {
  const double* panel;
  dim_t rows, stride;
  const double* beta;  ///< [stride], zero in the padding
  const double* offset;
  double* y;  ///< [rows]
};

/// y = panel' r.
struct TransposeProductArgs {
  const double* panel;
  dim_t rows, stride;
  const double* r;  ///< [rows]
  double* y;        ///< [stride]
};

/// out (+)= sum over rows of weight_i x_i x_i'.
struct WeightedGramArgs {
  const double* panel;
  dim_t rows, stride;
  const double* weight;  ///< [rows], any sign
  double* out;           ///< [stride, stride]: both triangles, or only blocks on and above the diagonal
  bool accumulate;       ///< add to `out` (its upper blocks)
  bool mirror;           ///< fill the lower triangle from the upper at the end
};

/// Entry points of one back end. Sums are added in an order fixed by the extents.
struct WeightedGramKernels {
  void (*pack_columns)(Stream, const PackColumnsArgs&);
  void (*linear_predictor)(Stream, const LinearPredictorArgs&);
  void (*transpose_product)(Stream, const TransposeProductArgs&);
  void (*gram)(Stream, const WeightedGramArgs&);
};

/// Every value read and written once.
Cost pack_columns_cost(dim_t rows, dim_t columns);
/// Linear predictor or transpose product: the panel read once, two operations a value.
Cost panel_product_cost(dim_t rows, dim_t columns);
/// The panel read once; a multiply and an add a row for each element of the triangle.
Cost weighted_gram_cost(dim_t rows, dim_t columns);

/// The CPU back end.
extern const WeightedGramKernels kCpuWeightedGram;

/// Plain loops: the oracle of the tests.
namespace reference {
void linear_predictor(const LinearPredictorArgs& args);
void transpose_product(const TransposeProductArgs& args);
/// Fills both triangles.
void weighted_gram(const WeightedGramArgs& args);
}  // namespace reference

}  // namespace engram::kernels
