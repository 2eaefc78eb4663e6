#pragma once
/// How CUDA kernels walk an activation when each channel has coefficients or statistics of its own.
///
/// The activation [N, C/b, H W, b] is seen as C/b groups of channels, each with N H W rows of b values. A block takes a
/// chunk of a group's rows and a tile of its columns; its threads form a grid of rows and columns, so that a thread
/// keeps its channels, and their coefficients in registers, through the whole chunk. Channels-last (b = C) has one
/// group, planar (b = 1) has C groups of one column.

#include "kernels/common/activation_function.h"
#include "kernels/common/cuda/divisor.cuh"
#include "kernels/common/cuda/pack.cuh"

namespace engram::kernels::cuda {

inline constexpr int kChannelThreads = 256;
/// Blocks of these kernels that an SM must hold: half of the threads of a large GPU's.
inline constexpr int kChannelBlocks = 4;

/// Geometry of one launch.
struct ChannelRows {
  int rows;    ///< of one group: n h w
  int pixels;  ///< h w
  Divisor by_pixels;
  int groups, block;
  int columns;                  ///< packs of a row
  int tile_columns, tile_rows;  ///< the threads of a block; the rest is idle
  int column_tiles;
  int chunk_rows, chunks;

  int blocks() const { return chunks * groups * column_tiles; }
};

/// Geometry for packs of `width` values, which divides the block of `shape`.
ChannelRows channel_rows(const ActivationShape& shape, int width);

/// Floats that the partial results of any of these kernels need: at most three a channel and chunk.
dim_t channel_partials_floats(const ActivationShape& shape);

/// Whether packs of four can be used: whole 16-channel vectors, so that mask words belong to four neighbouring threads,
/// and aligned operands.
template <class... Pointers>
bool channel_packs(const ActivationShape& shape, Pointers... pointers) {
  return shape.block % 16 == 0 && aligned16(pointers...);
}

/// The place of this thread in a ChannelRows launch.
template <int kWidth>
struct ChannelThread {
  int chunk, group, row, column;  ///< row within the tile; column in packs, within the whole row
  bool active;                    ///< has a row and a column
  int channel;                    ///< first of its kWidth channels

  __device__ explicit ChannelThread(const ChannelRows& g) {
    const int tile = int(blockIdx.x) % g.column_tiles, rest = int(blockIdx.x) / g.column_tiles;
    group = rest % g.groups;
    chunk = rest / g.groups;
    row = int(threadIdx.x) / g.tile_columns;
    column = tile * g.tile_columns + int(threadIdx.x) % g.tile_columns;
    active = row < g.tile_rows && column < g.columns;
    channel = group * g.block + column * kWidth;
  }

  __device__ int first_row(const ChannelRows& g) const { return chunk * g.chunk_rows; }
  __device__ int end_row(const ChannelRows& g) const { return min(g.rows, (chunk + 1) * g.chunk_rows); }

  /// Offset of this thread's pack in row r of its group.
  __device__ __forceinline__ dim_t offset(const ChannelRows& g, int r) const {
    dim_t line = r;
    if (g.groups > 1) {
      const int image = int(g.by_pixels.quotient(std::uint32_t(r)));
      line = (dim_t(image) * g.groups + group) * g.pixels + (r - image * g.pixels);
    }
    return line * g.block + column * kWidth;
  }
};

/// The channel of the value at flat physical index i.
struct ChannelOf {
  dim_t block, blocks, pixels;
  __device__ __forceinline__ int operator()(dim_t i) const {
    return int(i / (block * pixels) % blocks * block + i % block);
  }
};

inline ChannelOf channel_of(const ActivationShape& shape) {
  return {shape.block, shape.blocks(), shape.pixels()};
}

/// The activation's value, and whether its derivative is 1. A NaN stays a NaN.
struct Activated {
  float value;
  bool passes;
};

/// `slope` is 0 for a ReLU.
__device__ __forceinline__ Activated activated(float v, Activation activation, float slope) {
  if (activation == Activation::kNone) return {v, true};
  const bool passes = !(v <= 0.f);
  return {passes ? v : slope == 0.f ? 0.f : slope * v, passes};
}

/// The slope of an activation for negative values.
inline float negative_slope(Activation activation, float slope) {
  return activation == Activation::kLeakyRelu ? slope : 0.f;
}

}  // namespace engram::kernels::cuda
