#pragma once
/// Maps over dense arrays: out[k][i] = f(in[0][i], in[1][i], ...), 16 bytes an access where the arrays allow it.

#include "kernels/common/cuda/pack.cuh"

namespace engram::kernels::cuda {

/// Threads of a block, and elements that one block maps.
inline constexpr int kMapThreads = 256, kMapTile = 4096;

/// Dense f32 arrays of one length.
template <int kIn, int kOut>
struct MapArrays {
  const float* in[kIn];
  float* out[kOut];

  __host__ __device__ bool aligned() const {
    bool all = true;
    for (int i = 0; i < kIn; ++i) all = all && aligned16(in[i]);
    for (int i = 0; i < kOut; ++i) all = all && aligned16(out[i]);
    return all;
  }
};

/// Maps elements [begin, begin + count) with a block of kMapThreads threads. `f(const float (&x)[kIn], float
/// (&y)[kOut])` computes one element. An output may be an input. `begin` is a multiple of 4 if `vectors` (the arrays
/// are aligned).
template <int kIn, int kOut, class F>
__device__ __forceinline__ void map_range(const MapArrays<kIn, kOut>& arrays, dim_t begin, int count, bool vectors,
                                          const F& f) {
  constexpr int kUnroll = kIn == 1 ? 4 : kIn == 2 ? 2 : 1;  // 16 registers of operands
  const int packs = vectors ? count / 4 : 0;
  for (int first = int(threadIdx.x); first < packs; first += kMapThreads * kUnroll) {
    Pack<4> x[kUnroll][kIn];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int at = first + u * kMapThreads;
      if (at >= packs) continue;
#pragma unroll
      for (int k = 0; k < kIn; ++k) x[u][k] = load<4>(arrays.in[k] + begin + 4 * at);
    }
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int at = first + u * kMapThreads;
      if (at >= packs) continue;
      Pack<4> y[kOut];
      for_lanes<4>([&](int lane) {
        float from[kIn], to[kOut];
#pragma unroll
        for (int k = 0; k < kIn; ++k) from[k] = x[u][k].v[lane];
        f(from, to);
#pragma unroll
        for (int k = 0; k < kOut; ++k) y[k].v[lane] = to[k];
      });
#pragma unroll
      for (int k = 0; k < kOut; ++k) store<4>(arrays.out[k] + begin + 4 * at, y[k]);
    }
  }
  for (int i = 4 * packs + int(threadIdx.x); i < count; i += kMapThreads) {
    float from[kIn], to[kOut];
#pragma unroll
    for (int k = 0; k < kIn; ++k) from[k] = arrays.in[k][begin + i];
    f(from, to);
#pragma unroll
    for (int k = 0; k < kOut; ++k) arrays.out[k][begin + i] = to[k];
  }
}

/// The part of [0, count) that this block maps: one tile.
struct MapTile {
  dim_t begin;
  int count;
};

__device__ __forceinline__ MapTile map_tile(dim_t count) {
  const dim_t begin = dim_t(blockIdx.x) * kMapTile;
  const dim_t rest = count - begin;
  return {begin, int(rest < kMapTile ? rest : kMapTile)};
}

}  // namespace engram::kernels::cuda
