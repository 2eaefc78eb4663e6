#pragma once
/// Positions in a loop nest over strided operands, from the flat row-major position.

#include "kernels/common/cuda/divisor.cuh"
#include "kernels/common/strided.h"

namespace engram::kernels::cuda {

/// A StridedLoop as kernels take it: at most 2^31 - 1 positions.
template <int kOperands>
struct StridedIndex {
  int rank = 0;
  Divisor extent[kMaxRank];
  dim_t stride[kOperands][kMaxRank];

  StridedIndex() = default;
  explicit StridedIndex(const StridedLoop<kOperands>& loop) : rank(loop.rank) {
    for (int i = 0; i < rank; ++i) {
      extent[i] = Divisor(loop.shape[i] > 0 ? loop.shape[i] : 1);  // an empty loop is never walked
      for (int k = 0; k < kOperands; ++k) stride[k][i] = loop.stride[k][i];
    }
  }

  /// Offsets in elements of each operand at the flat position.
  __device__ __forceinline__ void offsets(std::uint32_t flat, dim_t (&offset)[kOperands]) const {
#pragma unroll
    for (int k = 0; k < kOperands; ++k) offset[k] = 0;
#pragma unroll
    for (int i = kMaxRank - 1; i >= 0; --i) {
      if (i >= rank) continue;
      const std::uint32_t outer = i > 0 ? extent[i].quotient(flat) : 0;
      const std::uint32_t index = flat - outer * extent[i].divisor();
#pragma unroll
      for (int k = 0; k < kOperands; ++k) offset[k] += dim_t(index) * stride[k][i];
      flat = outer;
    }
  }
};

}  // namespace engram::kernels::cuda
