#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/reorder/reorder.h"

namespace engram::kernels {
namespace {

constexpr dim_t kBlock = kCpuChannelBlock;
/// Pixels of one unit of work: 64 KB each side.
constexpr dim_t kPixelChunk = 1024;

/// Interleaves pixels [begin, end) of `channels` (1 to 16) planes, `pixels` apart.
ENGRAM_MULTIVERSION void interleave(const float* src, dim_t pixels, dim_t channels, dim_t begin, dim_t end,
                                    float* dst) {
  dim_t p = begin;
  for (; p + kBlock <= end; p += kBlock) {
    Vec16 v[kBlock];
    if (channels == kBlock) {
#pragma GCC unroll 16
      for (int c = 0; c < kBlock; ++c) v[c] = load16(src + c * pixels + p);
    } else {
#pragma GCC unroll 16
      for (int c = 0; c < kBlock; ++c) v[c] = c < channels ? load16(src + c * pixels + p) : Vec16{};
    }
    transpose16(v);
#pragma GCC unroll 16
    for (int i = 0; i < kBlock; ++i) store16(dst + (p + i) * kBlock, v[i]);
  }
  for (; p < end; ++p)
    for (dim_t c = 0; c < kBlock; ++c) dst[p * kBlock + c] = c < channels ? src[c * pixels + p] : 0.f;
}

/// The inverse of `interleave`.
ENGRAM_MULTIVERSION void split(const float* src, dim_t pixels, dim_t channels, dim_t begin, dim_t end, float* dst) {
  dim_t p = begin;
  for (; p + kBlock <= end; p += kBlock) {
    Vec16 v[kBlock];
#pragma GCC unroll 16
    for (int i = 0; i < kBlock; ++i) v[i] = load16(src + (p + i) * kBlock);
    transpose16(v);
    if (channels == kBlock) {
#pragma GCC unroll 16
      for (int c = 0; c < kBlock; ++c) store16(dst + c * pixels + p, v[c]);
    } else {
#pragma GCC unroll 16
      for (int c = 0; c < kBlock; ++c)
        if (c < channels) store16(dst + c * pixels + p, v[c]);
    }
  }
  for (; p < end; ++p)
    for (dim_t c = 0; c < channels; ++c) dst[c * pixels + p] = src[p * kBlock + c];
}

/// Calls `body(first plane on the planar side, block on the blocked side, channels, first pixel, end)` for every unit
/// of work.
template <class Body>
void for_each_unit(const ReorderArgs& a, const Body& body) {
  const dim_t pixels = a.h * a.w, blocks = padded_channels(a.c) / kBlock;
  const dim_t chunks = (pixels + kPixelChunk - 1) / kPixelChunk;
  const dim_t units = a.n * blocks * chunks;
  parallel_for(units, std::min(pixels, kPixelChunk) * kBlock, [&](dim_t unit) {
    const dim_t block = unit / chunks, begin = unit % chunks * kPixelChunk;
    const dim_t first = block % blocks * kBlock;
    body(block / blocks * a.c + first, block, std::min(kBlock, a.c - first), begin,
         std::min(pixels, begin + kPixelChunk));
  });
}

/// Blocks of another size than the vector's: plain loops. No tensor has them; convolutions do without AVX-512.
template <class Move>
void for_each_pixel(const ReorderArgs& a, const Move& move) {
  const dim_t pixels = a.h * a.w, blocks = padded_channels(a.c, a.block) / a.block;
  parallel_for(a.n * blocks, pixels * a.block, [&](dim_t unit) {
    const dim_t first = unit % blocks * a.block, plane = unit / blocks * a.c + first;
    for (dim_t p = 0; p < pixels; ++p)
      for (dim_t lane = 0; lane < a.block; ++lane)
        move((plane + lane) * pixels + p, (unit * pixels + p) * a.block + lane, first + lane < a.c);
  });
}

void to_blocked(Stream, const ReorderArgs& a) {
  if (a.block != kBlock) {
    for_each_pixel(a, [&](dim_t planar, dim_t blocked, bool inside) { a.dst[blocked] = inside ? a.src[planar] : 0.f; });
    return;
  }
  const dim_t pixels = a.h * a.w;
  for_each_unit(a, [&](dim_t plane, dim_t block, dim_t channels, dim_t begin, dim_t end) {
    interleave(a.src + plane * pixels, pixels, channels, begin, end, a.dst + block * pixels * kBlock);
  });
}

void to_planar(Stream, const ReorderArgs& a) {
  if (a.block != kBlock) {
    for_each_pixel(a, [&](dim_t planar, dim_t blocked, bool inside) {
      if (inside) a.dst[planar] = a.src[blocked];
    });
    return;
  }
  const dim_t pixels = a.h * a.w;
  for_each_unit(a, [&](dim_t plane, dim_t block, dim_t channels, dim_t begin, dim_t end) {
    split(a.src + block * pixels * kBlock, pixels, channels, begin, end, a.dst + plane * pixels);
  });
}

}  // namespace

const ReorderKernels kCpuReorder = {.to_blocked = to_blocked, .to_planar = to_planar};

Cost reorder_cost(const ReorderArgs& a) {
  const std::int64_t pixels = a.n * a.h * a.w * std::int64_t(sizeof(float));
  return {.bytes_read = pixels * a.c, .bytes_written = pixels * padded_channels(a.c, a.block), .flops = 0};
}

}  // namespace engram::kernels
