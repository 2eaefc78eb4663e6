#pragma once
/// Means and variances of channels in two stages: each block leaves the moments of its chunk of rows in the workspace,
/// a second kernel merges the chunks.
///
/// Moments are kept relative to a value of the data ("origin"), so that a large mean does not cancel; pairs of partial
/// results are merged as Chan, Golub and LeVeque do (1979, "Updating formulae and a pairwise algorithm for computing
/// sample variances"), in an order fixed by the extents.

#include "kernels/batch_norm/channel_rows.cuh"

namespace engram::kernels::cuda {

/// count, mean and sum of squared deviations of some values.
struct Moments {
  float count, mean, squares;
};

/// Adds `other` to `into`; both relative to the same origin. The share of the counts is good to two units in the last
/// place, and multiplies differences only.
__device__ __forceinline__ void merge(Moments& into, const Moments& other) {
  if (other.count == 0.f) return;
  const float count = into.count + other.count, share = __fdividef(other.count, count), delta = other.mean - into.mean;
  into.squares += other.squares + delta * delta * into.count * share;
  into.mean += delta * share;
  into.count = count;
}

/// Partial results of all chunks, [chunk][c] each.
struct MomentPartials {
  float *origin, *mean, *squares;  ///< mean relative to origin
  int chunks, chunk_rows, rows, channels;
};

inline MomentPartials moment_partials(const ChannelRows& g, int channels, float* memory) {
  const dim_t count = dim_t(g.chunks) * channels;
  return {memory, memory + count, memory + 2 * count, g.chunks, g.chunk_rows, g.rows, channels};
}

/// Moments that one thread gathers for its channels, row by row.
template <int kWidth>
struct ThreadMoments {
  float origin[kWidth], mean[kWidth], squares[kWidth];
  float count = 0;

  __device__ ThreadMoments() {
    for_lanes<kWidth>([&](int i) { origin[i] = mean[i] = squares[i] = 0.f; });
  }

  /// Adds one row, or two with `both`.
  __device__ __forceinline__ void add(const Pack<kWidth>& first, const Pack<kWidth>& second, bool both) {
    const float added = both ? 2.f : 1.f, total = count + added, share = __fdividef(added, total),
                weight = count * share;
    for_lanes<kWidth>([&](int i) {
      if (count == 0.f) origin[i] = first.v[i];
      const float a = first.v[i] - origin[i], b = both ? second.v[i] - origin[i] : a;
      const float half = 0.5f * (b - a), delta = (a + half) - mean[i];
      squares[i] += 2.f * half * half + delta * delta * weight;
      mean[i] += delta * share;
    });
    count = total;
  }
};

/// Shared memory of merge_block, in floats.
template <int kWidth>
inline constexpr int kMomentScratch = 3 * kWidth* kChannelThreads;

/// Merges the moments of the block's threads above each other and writes those of the chunk. All threads call it.
template <int kWidth>
__device__ void merge_block(const ChannelRows& g, const ChannelThread<kWidth>& at, const ThreadMoments<kWidth>& own,
                            float* scratch, const MomentPartials& out) {
  float *means = scratch, *squares = scratch + kWidth * kChannelThreads, *origins = squares + kWidth * kChannelThreads;
  const int here = int(threadIdx.x) * kWidth, top = int(threadIdx.x) % g.tile_columns * kWidth;
  const int rows_left = at.end_row(g) - at.first_row(g);
  // Rows of the chunk that thread row r took.
  const auto rows_of = [&](int r) { return float(max(0, (rows_left - r + g.tile_rows - 1) / g.tile_rows)); };
  Pack<kWidth> origin;
  for_lanes<kWidth>([&](int i) { origin.v[i] = own.origin[i]; });
  store(origins + here, origin);
  __syncthreads();
  origin = load<kWidth>(origins + top);
  Moments mine[kWidth];
  for_lanes<kWidth>([&](int i) { mine[i] = {own.count, own.mean[i] + (own.origin[i] - origin.v[i]), own.squares[i]}; });
  int half = 1;
  while (half < g.tile_rows) half *= 2;
  for (half /= 2; half > 0; half /= 2) {  // each round has slots of its own, so one barrier does
    Pack<kWidth> mean, square;
    for_lanes<kWidth>([&](int i) {
      mean.v[i] = mine[i].mean;
      square.v[i] = mine[i].squares;
    });
    if (at.row >= half && at.row < 2 * half) {
      store(means + here, mean);
      store(squares + here, square);
    }
    __syncthreads();
    if (at.row < half && at.row + half < g.tile_rows) {
      const int there = here + half * g.tile_columns * kWidth;
      mean = load<kWidth>(means + there);
      square = load<kWidth>(squares + there);
      float count = 0;  // of all thread rows that have been merged into that one
      for (int r = at.row + half; r < g.tile_rows; r += 2 * half) count += rows_of(r);
      for_lanes<kWidth>([&](int i) { merge(mine[i], {count, mean.v[i], square.v[i]}); });
    }
  }
  if (at.row > 0 || !at.active) return;
  Pack<kWidth> mean, square;
  for_lanes<kWidth>([&](int i) {
    mean.v[i] = mine[i].mean;
    square.v[i] = mine[i].squares;
  });
  const dim_t to = dim_t(at.chunk) * out.channels + at.channel;
  store(out.origin + to, origin);
  store(out.mean + to, mean);
  store(out.squares + to, square);
}

/// Threads of a block that merges chunks: a sector of channels side by side, the chunks shared by the rows. Few
/// channels a block make many blocks, and short waits for each thread's chunks.
inline constexpr int kMergeThreads = 512, kMergeChannels = 8, kMergeRows = kMergeThreads / kMergeChannels;

/// Moments of a channel over all chunks.
struct ChannelMoments {
  float mean, var;  ///< var biased
};

/// Merges the values of the threads below each other, as a tree: store(slot) writes this thread's value to shared
/// memory, merge(slot) adds the one that lies there. The first row of threads ends with the results. All threads of a
/// block of kMergeThreads call it.
template <class Store, class Merge>
__device__ __forceinline__ void merge_rows(const Store& store, const Merge& merge) {
  const int row = int(threadIdx.x) / kMergeChannels;
  for (int half = kMergeRows / 2; half > 0; half /= 2) {  // each round has slots of its own, so one barrier does
    if (row >= half && row < 2 * half) store(int(threadIdx.x));
    __syncthreads();
    if (row < half) merge(int(threadIdx.x) + half * kMergeChannels);
  }
}

/// Merges the chunks of `channel` (of lane threadIdx.x % kMergeChannels; none past the last). The result is valid in
/// the first row of threads. All threads of a block of kMergeThreads call it; `scratch` holds kMergeThreads Moments and
/// is free again after the block's next barrier.
inline __device__ ChannelMoments merge_chunks(const MomentPartials& in, int channel, Moments* scratch) {
  Moments mine = {0, 0, 0};
  const float origin = channel < in.channels ? in.origin[channel] : 0.f;
  if (channel < in.channels) {
#pragma unroll 4
    for (int chunk = int(threadIdx.x) / kMergeChannels; chunk < in.chunks; chunk += kMergeRows) {
      const dim_t at = dim_t(chunk) * in.channels + channel;
      const float count = float(min(in.chunk_rows, in.rows - chunk * in.chunk_rows));
      merge(mine, {count, in.mean[at] + (in.origin[at] - origin), in.squares[at]});
    }
  }
  merge_rows([&](int slot) { scratch[slot] = mine; }, [&](int slot) { merge(mine, scratch[slot]); });
  return {origin + mine.mean, mine.squares / mine.count};
}

}  // namespace engram::kernels::cuda
