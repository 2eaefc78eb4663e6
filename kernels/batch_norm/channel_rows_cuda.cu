/// Per-channel sums over rows on CUDA.
///
/// Their story on an H200 (docs/results/h200): completing a layer's statistics was one block's work, 40 us; spread over
/// blocks of 32 channels about 10 us (commit fae7bbf); of 8 channels, with the rows merged as a tree, 5.1 us (cb1868a).
/// The passes that feed them reached 0.65 to 0.78 of a copy's speed; what holds them there was not investigated.

#include <algorithm>

#include "kernels/batch_norm/channel_rows.cuh"

namespace engram::kernels::cuda {
namespace {

/// Blocks that fill a large GPU.
constexpr dim_t kEnoughBlocks = 512;
/// Rows that a thread takes at least: what a block writes for its chunk stays below 2 percent of what it reads.
constexpr dim_t kRowsAThread = 16;
/// Columns of a tile in single values.
constexpr dim_t kTileValues = 32;

/// Columns of a tile in packs. Wide tiles fill the sectors of the mask, narrow ones make more blocks.
dim_t tile_packs(dim_t columns) {
  return columns >= 64 ? 32 : 16;
}

}  // namespace

ChannelRows channel_rows(const ActivationShape& shape, int width) {
  require_32_bit("channel kernels", shape.per_channel());
  ChannelRows g = {};
  g.rows = int(shape.per_channel());
  g.pixels = int(shape.pixels());
  g.by_pixels = Divisor(std::max(1, g.pixels));
  g.groups = int(shape.blocks());
  g.block = int(shape.block);
  g.columns = g.block / width;
  g.tile_columns = int(std::min<dim_t>(g.columns, width == 4 ? tile_packs(g.columns) : kTileValues));
  g.tile_rows = kChannelThreads / g.tile_columns;
  g.column_tiles = int(ceil_div(g.columns, g.tile_columns));
  const dim_t wanted = ceil_div(kEnoughBlocks, dim_t(g.groups) * g.column_tiles);
  const dim_t chunks = std::max<dim_t>(1, std::min(wanted, g.rows / (g.tile_rows * kRowsAThread)));
  g.chunk_rows = int(ceil_div(ceil_div(g.rows, chunks), g.tile_rows) * g.tile_rows);
  g.chunks = int(ceil_div(g.rows, g.chunk_rows));
  return g;
}

dim_t channel_partials_floats(const ActivationShape& shape) {
  dim_t chunks = channel_rows(shape, 1).chunks;
  if (shape.block % 4 == 0) chunks = std::max<dim_t>(chunks, channel_rows(shape, 4).chunks);
  return 3 * chunks * shape.c;
}

}  // namespace engram::kernels::cuda
