#pragma once
/// How CUDA kernels bring activations from planar to channels-last (or blocked) order and back: a tile of channels and
/// pixels a block, through shared memory.

#include <algorithm>

#include "kernels/common/cuda/launch.cuh"
#include "kernels/reorder/reorder.h"

namespace engram::kernels::cuda {

inline constexpr int kReorderThreads = 256;
/// f32 values of a tile in shared memory, rows padded.
inline constexpr int kTileCapacity = 4096;

/// One block moves `channels` channels of `pixels` pixels through shared memory, so that both sides see runs of
/// neighbours. `pitch` is chosen so that the 32 lanes which walk channels first touch 32 banks.
struct ReorderTiling {
  int channels, pixels, pitch;
  int channel_tiles, pixel_tiles;
  int c, padded, plane_pixels, block;

  std::size_t shared_bytes() const { return std::size_t(channels) * std::size_t(pitch) * sizeof(float); }
  dim_t tiles(dim_t images) const { return images * channel_tiles * pixel_tiles; }
};

inline ReorderTiling reorder_tiling(const ReorderArgs& a) {
  ReorderTiling t = {};
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
struct ReorderTile {
  dim_t image;
  int block0;          ///< first channel of the layout's block
  int lane0, lanes;    ///< channels of the tile, from block0
  int pixel0, pixels;  ///< pixels of the tile
};

__device__ __forceinline__ ReorderTile tile_of(const ReorderTiling& t) {
  const int pixel_tile = int(blockIdx.x) % t.pixel_tiles, rest = int(blockIdx.x) / t.pixel_tiles;
  const int tiles_a_block = (t.block + t.channels - 1) / t.channels;
  const int channel_tile = rest % t.channel_tiles;
  ReorderTile tile;
  tile.image = rest / t.channel_tiles;
  tile.block0 = channel_tile / tiles_a_block * t.block;
  tile.lane0 = channel_tile % tiles_a_block * t.channels;
  tile.lanes = min(t.channels, t.block - tile.lane0);
  tile.pixel0 = pixel_tile * t.pixels;
  tile.pixels = min(t.pixels, t.plane_pixels - tile.pixel0);
  return tile;
}

/// Whether the tile is one of kWarp channels and whole warps of pixels.
__device__ __forceinline__ bool is_full(const ReorderTile& tile) {
  return tile.lanes == kWarp && tile.pixels % kWarp == 0;
}

/// Accesses of a thread that are under way together.
inline constexpr int kReorderUnroll = 4;

/// Calls f(lane, pixel, offset of the planar side) with neighbouring threads at neighbouring pixels.
template <class F>
__device__ __forceinline__ void for_planar(const ReorderTiling& t, const ReorderTile& tile, const F& f) {
  if (is_full(tile)) {
    const int column = int(threadIdx.x) % kWarp, first = int(threadIdx.x) / kWarp;
    for (int p = column; p < tile.pixels; p += kWarp) {
#pragma unroll kReorderUnroll
      for (int lane = first; lane < kWarp; lane += kReorderThreads / kWarp) {
        const int channel = tile.block0 + tile.lane0 + lane;
        f(lane, p, (tile.image * t.c + channel) * t.plane_pixels + tile.pixel0 + p, channel < t.c);
      }
    }
    return;
  }
  for (int i = int(threadIdx.x); i < tile.lanes * tile.pixels; i += kReorderThreads) {
    const int lane = i / tile.pixels, p = i % tile.pixels, channel = tile.block0 + tile.lane0 + lane;
    f(lane, p, (tile.image * t.c + channel) * t.plane_pixels + tile.pixel0 + p, channel < t.c);
  }
}

/// Calls f(lane, pixel, offset of the blocked side) with neighbouring threads at neighbouring channels.
template <class F>
__device__ __forceinline__ void for_blocked(const ReorderTiling& t, const ReorderTile& tile, const F& f) {
  const dim_t first =
      (tile.image * t.padded + tile.block0) * t.plane_pixels + dim_t(tile.pixel0) * t.block + tile.lane0;
  if (is_full(tile)) {
    const int lane = int(threadIdx.x) % kWarp;
#pragma unroll kReorderUnroll
    for (int p = int(threadIdx.x) / kWarp; p < tile.pixels; p += kReorderThreads / kWarp)
      f(lane, p, first + dim_t(p) * t.block + lane);
    return;
  }
  for (int i = int(threadIdx.x); i < tile.lanes * tile.pixels; i += kReorderThreads) {
    const int p = i / tile.lanes, lane = i % tile.lanes;
    f(lane, p, first + dim_t(p) * t.block + lane);
  }
}

}  // namespace engram::kernels::cuda
