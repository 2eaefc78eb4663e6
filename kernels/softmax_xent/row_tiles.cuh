#pragma once
/// How kernels on [rows, classes] share their rows: a block takes a tile of whole rows, one contiguous range that it
/// copies to shared memory in full sectors, whatever the number of classes; groups of lanes then reduce a row each.

#include <algorithm>

#include "kernels/common/cuda/divisor.cuh"
#include "kernels/common/cuda/pack.cuh"

namespace engram::kernels::cuda {

inline constexpr int kRowThreads = 256;
/// f32 values of all staged arrays of a tile (16 KB), and rows of a tile at most.
inline constexpr int kTileValues = 4096, kTileRows = 256;

struct RowTiles {
  int rows, classes;
  int tile_rows;
  int group;    ///< lanes that reduce a row: a power of two up to 32
  bool staged;  ///< false: rows too long for shared memory are read again through the cache
  Divisor by_classes;

  /// `arrays`: operands that are staged.
  RowTiles(dim_t num_rows, dim_t num_classes, int arrays) : rows(int(num_rows)), classes(int(num_classes)) {
    require_32_bit("softmax_xent", num_rows);
    require_32_bit("softmax_xent", num_classes);
    const int staged_rows = kTileValues / arrays / classes;
    staged = staged_rows > 0;
    tile_rows = std::max(1, std::min({staged_rows, kTileRows, rows}));
    for (group = 1; group < std::min(classes, kWarp);) group *= 2;
    by_classes = Divisor(num_classes);
  }

  int tiles() const { return int(ceil_div(rows, tile_rows)); }
  std::size_t shared_bytes(int arrays) const {
    return staged ? std::size_t(arrays) * std::size_t(tile_rows) * std::size_t(classes) * sizeof(float) : 0;
  }

  /// First row and rows of this block.
  __device__ int first_row() const { return int(blockIdx.x) * tile_rows; }
  __device__ int num_rows() const { return min(tile_rows, rows - first_row()); }
  /// Offset of the first value of this block.
  __device__ dim_t first_value() const { return dim_t(first_row()) * classes; }
};

/// The block's rows of `x`: copied to `shared`, or in place if they are not staged. Followed by a barrier of the
/// caller.
__device__ __forceinline__ const float* stage_rows(const RowTiles& t, const float* x, float* shared) {
  const float* from = x + t.first_value();
  if (!t.staged) return from;
  const int count = t.num_rows() * t.classes, packs = aligned16(from, shared) ? count / 4 : 0;
  for (int at = int(threadIdx.x); at < packs; at += kRowThreads) store(shared + 4 * at, load<4>(from + 4 * at));
  for (int i = 4 * packs + int(threadIdx.x); i < count; i += kRowThreads) shared[i] = from[i];
  return shared;
}

/// Calls f(row of the tile, lane of its group, whether the row exists) so that every lane of a warp comes along.
template <class F>
__device__ __forceinline__ void for_rows(const RowTiles& t, const F& f) {
  const int groups = kRowThreads / t.group, lane = int(threadIdx.x) % t.group;
  const int rounds = (t.num_rows() + groups - 1) / groups;
  for (int round = 0; round < rounds; ++round) {
    const int row = round * groups + int(threadIdx.x) / t.group;
    f(row, lane, row < t.num_rows());
  }
}

/// Sum over groups of `group` lanes.
__device__ __forceinline__ float group_sum(float v, int group) {
  for (int offset = group / 2; offset > 0; offset /= 2) v += __shfl_xor_sync(kFullMask, v, offset);
  return v;
}

__device__ __forceinline__ float group_max(float v, int group) {
  for (int offset = group / 2; offset > 0; offset /= 2) v = fmaxf(v, __shfl_xor_sync(kFullMask, v, offset));
  return v;
}

/// m = max x and l = log sum exp((x - m) / T).
struct RowStats {
  float max, log_sum;
};

/// Statistics of a row of `classes` values by its group of lanes; all lanes of the warp call it. `has`: the row exists.
__device__ __forceinline__ RowStats row_statistics(const RowTiles& t, const float* x, float inverse_t, int lane,
                                                   bool has) {
  float largest = -INFINITY, sum = 0;
  for (int c = lane; has && c < t.classes; c += t.group) largest = fmaxf(largest, x[c]);
  largest = group_max(largest, t.group);
  for (int c = lane; has && c < t.classes; c += t.group) sum += expf((x[c] - largest) * inverse_t);
  return {largest, logf(group_sum(sum, t.group))};
}

/// f(row of the tile, column, values of `in`, values of `out`) for each value of the tile; the pointers are those of
/// its first value. An output may be one of the inputs, or null: not wanted.
template <int kIn, int kOut, class F>
__device__ __forceinline__ void map_values(const RowTiles& t, const float* const (&in)[kIn], float* const (&out)[kOut],
                                           const F& f) {
  const int count = t.num_rows() * t.classes;
  bool vectors = true;
  for (int k = 0; k < kOut; ++k) vectors = vectors && aligned16(out[k]);
  for (int k = 0; k < kIn; ++k) vectors = vectors && aligned16(in[k]);
  const int packs = vectors ? count / 4 : 0;
  const auto compute = [&](int i, const float(&x)[kIn], float(&y)[kOut]) {
    const int row = int(t.by_classes.quotient(std::uint32_t(i)));
    f(row, i - row * t.classes, x, y);
  };
  for (int at = int(threadIdx.x); at < packs; at += kRowThreads) {
    Pack<4> x[kIn], y[kOut];
#pragma unroll
    for (int k = 0; k < kIn; ++k) x[k] = load<4>(in[k] + 4 * at);
    for_lanes<4>([&](int lane) {
      float from[kIn], to[kOut];
#pragma unroll
      for (int k = 0; k < kIn; ++k) from[k] = x[k].v[lane];
      compute(4 * at + lane, from, to);
#pragma unroll
      for (int k = 0; k < kOut; ++k) y[k].v[lane] = to[k];
    });
#pragma unroll
    for (int k = 0; k < kOut; ++k)
      if (out[k]) store(out[k] + 4 * at, y[k]);
  }
  for (int i = 4 * packs + int(threadIdx.x); i < count; i += kRowThreads) {
    float from[kIn], to[kOut];
#pragma unroll
    for (int k = 0; k < kIn; ++k) from[k] = in[k][i];
    compute(i, from, to);
#pragma unroll
    for (int k = 0; k < kOut; ++k)
      if (out[k]) out[k][i] = to[k];
  }
}

/// Copies per-row results of the block from shared memory, `width` values a row, to `out` [rows, width].
__device__ __forceinline__ void write_rows(const RowTiles& t, const float* shared, int width, float* out) {
  const dim_t first = dim_t(t.first_row()) * width;
  for (int i = int(threadIdx.x); i < t.num_rows() * width; i += kRowThreads) out[first + i] = shared[i];
}

/// Copies per-row operands of the block to shared memory.
template <class T>
__device__ __forceinline__ void read_rows(const RowTiles& t, const T* in, int width, T* shared) {
  const dim_t first = dim_t(t.first_row()) * width;
  for (int i = int(threadIdx.x); i < t.num_rows() * width; i += kRowThreads) shared[i] = in[first + i];
}

}  // namespace engram::kernels::cuda
