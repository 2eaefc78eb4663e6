#include "kernels/conv2d/block_halves.h"

#include <cstring>

#include "kernels/common/parallel.h"

namespace engram::kernels {
namespace {

constexpr dim_t kHalf = kCpuChannelBlock / 2;

/// Calls move(at, half_at) for every half of a pixel's block: its first element in blocks of 16 and in blocks of 8.
template <class Move>
void for_each_half(const ActivationShape& shape, const Move& move) {
  const dim_t pixels = shape.pixels();
  parallel_for(shape.n * shape.blocks(), pixels * kCpuChannelBlock, [&](dim_t block) {
    const dim_t first = block * pixels * kCpuChannelBlock;
    for (dim_t p = 0; p < pixels; ++p)
      for (dim_t half = 0; half < 2; ++half)
        move(first + p * kCpuChannelBlock + half * kHalf, first + (half * pixels + p) * kHalf);
  });
}

}  // namespace

void halve_blocks(const ActivationShape& shape, const float* src, float* dst) {
  for_each_half(shape, [&](dim_t at, dim_t half) { std::memcpy(dst + half, src + at, kHalf * sizeof(float)); });
}

void join_blocks(const ActivationShape& shape, const float* src, float* dst) {
  for_each_half(shape, [&](dim_t at, dim_t half) { std::memcpy(dst + at, src + half, kHalf * sizeof(float)); });
}

}  // namespace engram::kernels
