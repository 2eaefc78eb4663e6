#include "kernels/weighted_gram/weighted_gram.h"

namespace engram::kernels {

Cost pack_columns_cost(dim_t rows, dim_t columns) {
  return {rows * columns * 8, rows * panel_stride(columns) * 8, 0};
}

Cost panel_product_cost(dim_t rows, dim_t columns) {
  return {(rows * columns + columns) * 8, rows * 8, 2 * rows * columns};
}

Cost weighted_gram_cost(dim_t rows, dim_t columns) {
  return {rows * (columns + 1) * 8, columns * columns * 8, rows * columns * (columns + 2)};
}

namespace reference {

void linear_predictor(const LinearPredictorArgs& args) {
  for (dim_t i = 0; i < args.rows; ++i) {
    double sum = args.offset ? args.offset[i] : 0;
    for (dim_t j = 0; j < args.stride; ++j) sum += args.panel[i * args.stride + j] * args.beta[j];
    args.y[i] = sum;
  }
}

void transpose_product(const TransposeProductArgs& args) {
  for (dim_t j = 0; j < args.stride; ++j) {
    args.y[j] = 0;
    for (dim_t i = 0; i < args.rows; ++i) args.y[j] += args.panel[i * args.stride + j] * args.r[i];
  }
}

void weighted_gram(const WeightedGramArgs& args) {
  for (dim_t a = 0; a < args.stride; ++a) {
    for (dim_t b = a; b < args.stride; ++b) {
      double sum = args.accumulate ? args.out[a * args.stride + b] : 0;
      for (dim_t i = 0; i < args.rows; ++i) {
        const double* x = args.panel + i * args.stride;
        sum += args.weight[i] * x[a] * x[b];
      }
      args.out[a * args.stride + b] = args.out[b * args.stride + a] = sum;
    }
  }
}

}  // namespace reference

}  // namespace engram::kernels
