#pragma once
/// Many tensors in one launch: the table of their pointers travels in the launch's parameters, which a captured graph
/// keeps, so that nothing is copied to the device before a step.

#include <algorithm>

#include "kernels/common/cuda/map_range.cuh"
#include "kernels/common/stream.h"

namespace engram::kernels::cuda {

/// Tensors of one launch. `Tensor` holds pointers and `count`; first_tile[i] is the number of tiles before tensor i.
template <class Tensor, int kCapacity>
struct TensorTable {
  Tensor tensor[kCapacity];
  int first_tile[kCapacity + 1];
  int num_tensors;
};

/// The tile of this block: a range of one tensor.
struct TensorTile {
  int tensor;
  dim_t begin;
  int count;
};

template <class Tensor, int kCapacity>
__device__ __forceinline__ TensorTile tensor_tile(const TensorTable<Tensor, kCapacity>& table) {
  const int tile = int(blockIdx.x);
  int low = 0, high = table.num_tensors;  // the last tensor with first_tile <= tile
  while (high - low > 1) {
    const int middle = (low + high) / 2;
    (table.first_tile[middle] <= tile ? low : high) = middle;
  }
  const dim_t begin = dim_t(tile - table.first_tile[low]) * kMapTile, rest = table.tensor[low].count - begin;
  return {low, begin, int(rest < kMapTile ? rest : kMapTile)};
}

/// Capacities that kernels are compiled for: 32 for a few tensors, 400 for whole networks (at most 22 KB of
/// parameters).
inline constexpr int kSmallTable = 32, kLargeTable = 400;

/// Calls `launch(table, tiles before this table, tiles of this table)` for tables of at most kLargeTable non-empty
/// tensors.
template <class Tensor, class Launch>
void for_tables(const Tensor* tensors, int num_tensors, const Launch& launch) {
  const auto fill_and_launch = [&]<int kCapacity>(int begin, int end, int tiles_before) {
    TensorTable<Tensor, kCapacity> table = {};
    int tiles = 0;
    for (int i = begin; i < end; ++i) {
      if (tensors[i].count == 0) continue;
      table.tensor[table.num_tensors] = tensors[i];
      table.first_tile[table.num_tensors++] = tiles;
      tiles += int(ceil_div(tensors[i].count, kMapTile));
    }
    table.first_tile[table.num_tensors] = tiles;
    if (tiles > 0) launch(table, tiles_before, tiles);
    return tiles_before + tiles;
  };
  int tiles_before = 0;
  for (int begin = 0; begin < num_tensors; begin += kLargeTable) {
    const int end = std::min(num_tensors, begin + kLargeTable);
    tiles_before = end - begin <= kSmallTable
                       ? fill_and_launch.template operator()<kSmallTable>(begin, end, tiles_before)
                       : fill_and_launch.template operator()<kLargeTable>(begin, end, tiles_before);
  }
}

/// Tiles of all tensors together.
template <class Tensor>
dim_t total_tiles(const Tensor* tensors, int num_tensors) {
  dim_t tiles = 0;
  for (int i = 0; i < num_tensors; ++i) tiles += ceil_div(tensors[i].count, kMapTile);
  return tiles;
}

}  // namespace engram::kernels::cuda
