#include "kernels/common/vec_math_f64.h"
#include "kernels/weighted_gram/gram_tile.h"
#include "kernels/weighted_gram/weighted_gram.h"

namespace engram::kernels {
namespace {

/// Rows of a block: the panel's block stays in the second-level cache while all tiles pass over it.
constexpr dim_t kBlockDoubles = 32768;

void pack_columns(Stream, const PackColumnsArgs& args) {
  for (dim_t j = 0; j < args.stride; ++j) {
    double* out = args.panel + j;
    if (j >= args.num_columns) {
      for (dim_t i = 0; i < args.rows; ++i) out[i * args.stride] = 0;
    } else if (const double* column = args.columns[j]) {
      for (dim_t i = 0; i < args.rows; ++i) out[i * args.stride] = column[i];
    } else {
      for (dim_t i = 0; i < args.rows; ++i) out[i * args.stride] = 1;
    }
  }
}

ENGRAM_MULTIVERSION void linear_predictor_rows(const LinearPredictorArgs& args) {
  for (dim_t i = 0; i < args.rows; ++i) {
    const double* x = args.panel + i * args.stride;
    Vec4d low = {}, high = {};
    for (dim_t j = 0; j < args.stride; j += 8) {
      low += load4d(x + j) * load4d(args.beta + j);
      high += load4d(x + j + 4) * load4d(args.beta + j + 4);
    }
    args.y[i] = sum_lanes4d(low + high) + (args.offset ? args.offset[i] : 0.);
  }
}

void linear_predictor(Stream, const LinearPredictorArgs& args) {
  linear_predictor_rows(args);
}

template <int kVectors>
ENGRAM_ALWAYS_INLINE void transpose_product_block(const TransposeProductArgs& args, dim_t j) {
  Vec4d sum[kVectors] = {};
  for (dim_t i = 0; i < args.rows; ++i) {
    const double* x = args.panel + i * args.stride + j;
    for (int v = 0; v < kVectors; ++v) sum[v] += load4d(x + 4 * v) * args.r[i];
  }
  for (int v = 0; v < kVectors; ++v) store4d(args.y + j + 4 * v, sum[v]);
}

ENGRAM_MULTIVERSION void transpose_product_columns(const TransposeProductArgs& args) {
  dim_t j = 0;
  for (; j + 32 <= args.stride; j += 32) transpose_product_block<8>(args, j);
  for (; j + 16 <= args.stride; j += 16) transpose_product_block<4>(args, j);
  for (; j < args.stride; j += 8) transpose_product_block<2>(args, j);
}

void transpose_product(Stream, const TransposeProductArgs& args) {
  transpose_product_columns(args);
}

ENGRAM_MULTIVERSION void gram_rows(const double* panel, dim_t rows, dim_t stride, const double* weight, double* out,
                                   bool accumulate) {
  gram_tiles(panel, rows, stride, weight, out, accumulate);
}

void gram(Stream, const WeightedGramArgs& args) {
  const dim_t block = std::max<dim_t>(32, kBlockDoubles / std::max<dim_t>(8, args.stride));
  bool accumulate = args.accumulate;
  for (dim_t i = 0; i < args.rows || !accumulate; i += block) {
    const dim_t rows = std::min(block, args.rows - i);
    gram_rows(args.panel + i * args.stride, rows, args.stride, args.weight + i, args.out, accumulate);
    accumulate = true;
  }
  if (!args.mirror) return;
  for (dim_t i = 0; i < args.stride; ++i)
    for (dim_t j = 0; j < i; ++j) args.out[i * args.stride + j] = args.out[j * args.stride + i];
}

}  // namespace

const WeightedGramKernels kCpuWeightedGram = {
    .pack_columns = pack_columns,
    .linear_predictor = linear_predictor,
    .transpose_product = transpose_product,
    .gram = gram,
};

}  // namespace engram::kernels
