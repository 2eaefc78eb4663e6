#include <algorithm>

#include "kernels/common/cuda/launch.cuh"
#include "kernels/reorder/reorder.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

constexpr int kThreads = 256;
/// f32 values of a tile in shared memory, rows padded.
constexpr int kTileCapacity = 4096;

/// One block moves `channels` channels of `pixels` pixels through shared memory, so that both sides see runs of
/// neighbours. `pitch` is chosen so that the 32 lanes which walk channels first touch 32 banks.
struct Tiling {
  int channels, pixels, pitch;
  int channel_tiles, pixel_tiles;
  int c, padded, plane_pixels, block;
};

Tiling tiling(const ReorderArgs& a) {
  Tiling t = {};
  t.c = int(a.c);
  t.block = int(a.block);
  t.padded = int(padded_channels(a.c, a.block));
  t.plane_pixels = int(a.h * a.w);
  t.channels = std::min(t.block, kWarp);
  const int run = int(ceil_div(kWarp, t.channels));  // pixels that one warp covers on the blocked side
  t.pixels =
      std::min(int(ceil_div(t.plane_pixels, kWarp)) * kWarp, (kTileCapacity / t.channels - kWarp) / kWarp * kWarp);
  t.pitch = t.pixels + run % kWarp;
  t.channel_tiles = t.padded / t.block * int(ceil_div(t.block, t.channels));
  t.pixel_tiles = int(ceil_div(t.plane_pixels, t.pixels));
  return t;
}

/// The tile of this thread block.
struct Tile {
  dim_t image;
  int block0;          ///< first channel of the layout's block
  int lane0, lanes;    ///< channels of the tile, from block0
  int pixel0, pixels;  ///< pixels of the tile
};

__device__ Tile tile_of(const Tiling& t) {
  const int pixel_tile = int(blockIdx.x) % t.pixel_tiles, rest = int(blockIdx.x) / t.pixel_tiles;
  const int tiles_a_block = (t.block + t.channels - 1) / t.channels;
  const int channel_tile = rest % t.channel_tiles;
  Tile tile;
  tile.image = rest / t.channel_tiles;
  tile.block0 = channel_tile / tiles_a_block * t.block;
  tile.lane0 = channel_tile % tiles_a_block * t.channels;
  tile.lanes = min(t.channels, t.block - tile.lane0);
  tile.pixel0 = pixel_tile * t.pixels;
  tile.pixels = min(t.pixels, t.plane_pixels - tile.pixel0);
  return tile;
}

/// Whether the tile is one of kWarp channels and whole warps of pixels.
__device__ __forceinline__ bool is_full(const Tile& tile) {
  return tile.lanes == kWarp && tile.pixels % kWarp == 0;
}

/// Accesses of a thread that are under way together.
constexpr int kUnroll = 4;

/// Calls f(lane, pixel, offset of the planar side) with neighbouring threads at neighbouring pixels.
template <class F>
__device__ __forceinline__ void for_planar(const Tiling& t, const Tile& tile, const F& f) {
  if (is_full(tile)) {
    const int column = int(threadIdx.x) % kWarp, first = int(threadIdx.x) / kWarp;
    for (int p = column; p < tile.pixels; p += kWarp) {
#pragma unroll kUnroll
      for (int lane = first; lane < kWarp; lane += kThreads / kWarp) {
        const int channel = tile.block0 + tile.lane0 + lane;
        f(lane, p, (tile.image * t.c + channel) * t.plane_pixels + tile.pixel0 + p, channel < t.c);
      }
    }
    return;
  }
  for (int i = int(threadIdx.x); i < tile.lanes * tile.pixels; i += kThreads) {
    const int lane = i / tile.pixels, p = i % tile.pixels, channel = tile.block0 + tile.lane0 + lane;
    f(lane, p, (tile.image * t.c + channel) * t.plane_pixels + tile.pixel0 + p, channel < t.c);
  }
}

/// Calls f(lane, pixel, offset of the blocked side) with neighbouring threads at neighbouring channels.
template <class F>
__device__ __forceinline__ void for_blocked(const Tiling& t, const Tile& tile, const F& f) {
  const dim_t first =
      (tile.image * t.padded + tile.block0) * t.plane_pixels + dim_t(tile.pixel0) * t.block + tile.lane0;
  if (is_full(tile)) {
    const int lane = int(threadIdx.x) % kWarp;
#pragma unroll kUnroll
    for (int p = int(threadIdx.x) / kWarp; p < tile.pixels; p += kThreads / kWarp)
      f(lane, p, first + dim_t(p) * t.block + lane);
    return;
  }
  for (int i = int(threadIdx.x); i < tile.lanes * tile.pixels; i += kThreads) {
    const int p = i / tile.lanes, lane = i % tile.lanes;
    f(lane, p, first + dim_t(p) * t.block + lane);
  }
}

__global__ void __launch_bounds__(kThreads) to_blocked_kernel(const float* src, float* dst, Tiling t) {
  EMU_DYNAMIC_SHARED(float, values);
  const Tile tile = tile_of(t);
  for_planar(t, tile,
             [&](int lane, int p, dim_t at, bool inside) { values[lane * t.pitch + p] = inside ? src[at] : 0.f; });
  __syncthreads();
  for_blocked(t, tile, [&](int lane, int p, dim_t at) { dst[at] = values[lane * t.pitch + p]; });
}

__global__ void __launch_bounds__(kThreads) to_planar_kernel(const float* src, float* dst, Tiling t) {
  EMU_DYNAMIC_SHARED(float, values);
  const Tile tile = tile_of(t);
  for_blocked(t, tile, [&](int lane, int p, dim_t at) {
    if (tile.block0 + tile.lane0 + lane < t.c) values[lane * t.pitch + p] = src[at];
  });
  __syncthreads();
  for_planar(t, tile, [&](int lane, int p, dim_t at, bool inside) {
    if (inside) dst[at] = values[lane * t.pitch + p];
  });
}

void launch(Stream stream, const ReorderArgs& a, bool blocked) {
  if (a.n * a.c * a.h * a.w == 0) return;
  require_32_bit("reorder", padded_channels(a.c, a.block) * a.h * a.w);
  const Tiling t = tiling(a);
  const dim3 grid = grid_of(a.n * t.channel_tiles * t.pixel_tiles);
  const std::size_t shared = std::size_t(t.channels) * std::size_t(t.pitch) * sizeof(float);
  if (blocked) {
    ENGRAM_LAUNCH(to_blocked_kernel, grid, kThreads, shared, stream, a.src, a.dst, t);
  } else {
    ENGRAM_LAUNCH(to_planar_kernel, grid, kThreads, shared, stream, a.src, a.dst, t);
  }
}

void to_blocked(Stream stream, const ReorderArgs& a) {
  launch(stream, a, true);
}

void to_planar(Stream stream, const ReorderArgs& a) {
  launch(stream, a, false);
}

}  // namespace

const ReorderKernels kCudaReorder = {.to_blocked = to_blocked, .to_planar = to_planar};

}  // namespace engram::kernels
