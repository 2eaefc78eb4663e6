#pragma once
/// Orders as matrices, so that captured work reads them where they are staged.

#include <vector>

#include "engine/tensor.h"
#include "kernels/common/error.h"

namespace engram {

/// The values of the square matrix M, row-major, with M x = the rows order[0], order[1], ... of x.
inline std::vector<float> shuffle_matrix(const std::vector<std::int32_t>& order) {
  const std::size_t count = order.size();
  std::vector<float> matrix(count * count, 0);
  for (std::size_t i = 0; i < count; ++i) matrix[i * count + std::size_t(order[i])] = 1;
  return matrix;
}

/// Most images whose orders are staged: the matrix of 8192 takes 256 MiB, and grows with the square.
inline constexpr dim_t kMostShuffledImages = 8192;

/// Room for such a matrix of the images of a step, zeros. Throws UsageError, which begins with the method's name, for
/// more images than kMostShuffledImages.
inline Tensor shuffle_room(const char* method, dim_t images, const Device& device) {
  if (images > kMostShuffledImages)
    throw UsageError(message("[", method, "] expected at most ", kMostShuffledImages, " images a step, got ", images,
                             ", whose order would be a matrix of their square; hint: a --batch-size"));
  return Tensor::zeros({images, images}, device);
}

}  // namespace engram
