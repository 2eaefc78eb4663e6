#pragma once
/// Orders as matrices, so that captured work reads them where they are staged.

#include <vector>

#include "kernels/common/types.h"

namespace engram {

/// The values of the square matrix M, row-major, with M x = the rows order[0], order[1], ... of x.
inline std::vector<float> shuffle_matrix(const std::vector<std::int32_t>& order) {
  const std::size_t count = order.size();
  std::vector<float> matrix(count * count, 0);
  for (std::size_t i = 0; i < count; ++i) matrix[i * count + std::size_t(order[i])] = 1;
  return matrix;
}

}  // namespace engram
