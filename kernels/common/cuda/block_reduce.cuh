#pragma once
/// Sums over a warp and over a block, in a fixed tree: the same bits in every run.

#include "kernels/common/cuda/launch.cuh"

namespace engram::kernels::cuda {

/// Sum over groups of kLanes neighbouring lanes, in all of them. Every lane of the warp takes part.
template <int kLanes = kWarp, class T>
__device__ __forceinline__ T warp_sum(T value) {
#pragma unroll
  for (int offset = kLanes / 2; offset > 0; offset /= 2) value += __shfl_xor_sync(kFullMask, value, offset);
  return value;
}

/// Sum over the block, in all threads. `scratch` is shared memory of kThreads / 32 values; the block must not use it
/// for anything else until its next barrier after the call.
template <int kThreads, class T>
__device__ __forceinline__ T block_sum(T value, T* scratch) {
  constexpr int kWarps = kThreads / kWarp;
  const int warp = int(threadIdx.x) / kWarp, lane = int(threadIdx.x) % kWarp;
  value = warp_sum(value);
  if (lane == 0) scratch[warp] = value;
  __syncthreads();
  T total = scratch[0];
#pragma unroll
  for (int i = 1; i < kWarps; ++i) total += scratch[i];
  return total;
}

/// The same for several sums with one barrier, in place. `scratch` is shared memory of [kValues][kThreads / 32].
template <int kThreads, int kValues, class T>
__device__ __forceinline__ void block_sums(T (&values)[kValues], T (*scratch)[kThreads / kWarp]) {
  constexpr int kWarps = kThreads / kWarp;
  const int warp = int(threadIdx.x) / kWarp, lane = int(threadIdx.x) % kWarp;
#pragma unroll
  for (int k = 0; k < kValues; ++k) {
    values[k] = warp_sum(values[k]);
    if (lane == 0) scratch[k][warp] = values[k];
  }
  __syncthreads();
#pragma unroll
  for (int k = 0; k < kValues; ++k) {
    values[k] = scratch[k][0];
#pragma unroll
    for (int i = 1; i < kWarps; ++i) values[k] += scratch[k][i];
  }
}

}  // namespace engram::kernels::cuda
