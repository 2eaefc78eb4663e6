#pragma once
/// Positions of strided operands, as references find them.

#include "kernels/common/types.h"

namespace engram::kernels::reference {

/// Element offset of the row-major position `flat`.
inline dim_t strided_offset(dim_t flat, int rank, const dim_t* shape, const dim_t* stride) {
  dim_t offset = 0;
  for (int i = rank - 1; i >= 0; --i) {
    offset += flat % shape[i] * stride[i];
    flat /= shape[i];
  }
  return offset;
}

/// Number of positions.
inline dim_t position_count(int rank, const dim_t* shape) {
  dim_t count = 1;
  for (int i = 0; i < rank; ++i) count *= shape[i];
  return count;
}

}  // namespace engram::kernels::reference
