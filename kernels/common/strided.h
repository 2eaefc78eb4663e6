#pragma once
/// Multi-dimensional loops over strided operands: normal form and stepping.

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "kernels/common/inline.h"
#include "kernels/common/types.h"

namespace engram::kernels {

/// A loop nest of `rank` axes (row-major, last axis fastest) over `kOperands` strided operands; strides in elements.
template <int kOperands>
struct StridedLoop {
  int rank = 0;
  dim_t shape[kMaxRank] = {};
  dim_t stride[kOperands][kMaxRank] = {};

  dim_t count() const {
    dim_t product = 1;
    for (int i = 0; i < rank; ++i) product *= shape[i];
    return product;
  }

  /// Adds an axis inside the existing ones.
  void push(dim_t extent, const dim_t (&strides)[kOperands]) {
    shape[rank] = extent;
    for (int k = 0; k < kOperands; ++k) stride[k][rank] = strides[k];
    ++rank;
  }

  /// Orders the axes by falling stride of operand `k` (stable). Changes the order of the loop.
  void sort_by_stride(int k) {
    for (int i = 1; i < rank; ++i)
      for (int j = i; j > 0 && std::abs(stride[k][j - 1]) < std::abs(stride[k][j]); --j) swap_axes(j - 1, j);
  }

  void swap_axes(int i, int j) {
    std::swap(shape[i], shape[j]);
    for (int k = 0; k < kOperands; ++k) std::swap(stride[k][i], stride[k][j]);
  }

  /// Drops axes of extent 1 and merges neighbours that all operands walk as one. Keeps the order of the loop.
  void merge() {
    int out = 0;
    for (int i = 0; i < rank; ++i) {
      if (shape[i] == 1) continue;
      bool joins = out > 0;
      for (int k = 0; k < kOperands && joins; ++k) joins = stride[k][out - 1] == stride[k][i] * shape[i];
      if (joins) {
        shape[out - 1] *= shape[i];
      } else {
        shape[out++] = shape[i];
      }
      for (int k = 0; k < kOperands; ++k) stride[k][out - 1] = stride[k][i];
    }
    rank = out;
  }
};

/// Position in the first `rank` axes of a StridedLoop, with the operands' offsets in elements.
template <int kOperands>
struct StridedCursor {
  dim_t index[kMaxRank] = {};
  dim_t offset[kOperands] = {};

  /// Goes to the flat position `flat` of the first `rank` axes.
  ENGRAM_ALWAYS_INLINE void seek(const StridedLoop<kOperands>& loop, int rank, dim_t flat) {
    for (int k = 0; k < kOperands; ++k) offset[k] = 0;
    for (int i = rank - 1; i >= 0; --i) {
      index[i] = flat % loop.shape[i];
      flat /= loop.shape[i];
      for (int k = 0; k < kOperands; ++k) offset[k] += index[i] * loop.stride[k][i];
    }
  }

  /// Advances by one position in the first `rank` axes; wraps at the end.
  ENGRAM_ALWAYS_INLINE void next(const StridedLoop<kOperands>& loop, int rank) {
    for (int i = rank - 1; i >= 0; --i) {
      for (int k = 0; k < kOperands; ++k) offset[k] += loop.stride[k][i];
      if (++index[i] < loop.shape[i]) return;
      index[i] = 0;
      for (int k = 0; k < kOperands; ++k) offset[k] -= loop.shape[i] * loop.stride[k][i];
    }
  }
};

}  // namespace engram::kernels
