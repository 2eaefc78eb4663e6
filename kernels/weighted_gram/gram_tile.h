#pragma once
/// The register tiles of a weighted Gram matrix; also inlined by families that make its rows on the fly.
///
/// Its story: tiles of 8x16 doubles fit AVX-512's registers; on AVX2 they lay in memory. Tiles of 4x8 for AVX2 made it
/// 15 times as fast there, with the same bits (commit eead6e2).

#include <algorithm>

#include "kernels/common/instruction_set.h"
#include "kernels/common/vec_math_f64.h"

namespace engram::kernels {

/// out[i ... i + 8, j ... j + 8 kVectors) (+)= sum over rows of weight x x', in a tile of registers.
template <int kVectors>
ENGRAM_ALWAYS_INLINE void gram_tile(const double* panel, dim_t rows, dim_t stride, const double* weight, dim_t i,
                                    dim_t j, double* out, bool accumulate) {
  Vec8d sum[8][kVectors];
  for (int a = 0; a < 8; ++a)
    for (int v = 0; v < kVectors; ++v) sum[a][v] = accumulate ? load8d(out + (i + a) * stride + j + 8 * v) : Vec8d{};
  for (dim_t row = 0; row < rows; ++row) {
    const double* x = panel + row * stride;
    Vec8d right[kVectors];
    for (int v = 0; v < kVectors; ++v) right[v] = load8d(x + j + 8 * v) * weight[row];
    for (int a = 0; a < 8; ++a)
      for (int v = 0; v < kVectors; ++v) sum[a][v] += right[v] * x[i + a];
  }
  for (int a = 0; a < 8; ++a)
    for (int v = 0; v < kVectors; ++v) store8d(out + (i + a) * stride + j + 8 * v, sum[a][v]);
}

/// out[i ... i + 4, j ... j + 8) (+)= the same, with the sums in half of AVX2's sixteen registers, where the wide
/// tile's do not fit.
ENGRAM_ALWAYS_INLINE void narrow_gram_tile(const double* panel, dim_t rows, dim_t stride, const double* weight, dim_t i,
                                           dim_t j, double* out, bool accumulate) {
  Vec4d low[4], high[4];
#pragma GCC unroll 4
  for (int a = 0; a < 4; ++a) {
    low[a] = accumulate ? load4d(out + (i + a) * stride + j) : Vec4d{};
    high[a] = accumulate ? load4d(out + (i + a) * stride + j + 4) : Vec4d{};
  }
  for (dim_t row = 0; row < rows; ++row) {
    const double* x = panel + row * stride;
    const Vec4d left = load4d(x + j) * weight[row], right = load4d(x + j + 4) * weight[row];
#pragma GCC unroll 4
    for (int a = 0; a < 4; ++a) {
      low[a] += left * x[i + a];
      high[a] += right * x[i + a];
    }
  }
#pragma GCC unroll 4
  for (int a = 0; a < 4; ++a) {
    store4d(out + (i + a) * stride + j, low[a]);
    store4d(out + (i + a) * stride + j + 4, high[a]);
  }
}

/// All tiles on and above the diagonal. Both kinds of tile add the rows in order: the same bits.
ENGRAM_ALWAYS_INLINE void gram_tiles(const double* panel, dim_t rows, dim_t stride, const double* weight, double* out,
                                     bool accumulate) {
  if (instruction_set() != InstructionSet::kAvx512) {  // the registers do not hold the wide tile
    for (dim_t i = 0; i < stride; i += 4)
      for (dim_t j = i / 8 * 8; j < stride; j += 8)
        narrow_gram_tile(panel, rows, stride, weight, i, j, out, accumulate);
    return;
  }
  for (dim_t i = 0; i < stride; i += 8) {
    dim_t j = i;
    for (; j + 16 <= stride; j += 16) gram_tile<2>(panel, rows, stride, weight, i, j, out, accumulate);
    if (j < stride) gram_tile<1>(panel, rows, stride, weight, i, j, out, accumulate);
  }
}

}  // namespace engram::kernels
