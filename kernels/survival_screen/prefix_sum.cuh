#pragma once
/// Running sums over patients in risk order, within groups of lanes, in a fixed tree.

#include "kernels/common/cuda/launch.cuh"

namespace engram::kernels::cuda {

/// Sum over the lanes of this group of kLanes neighbours, from lane `head` of the group (the first, if that is below 0)
/// up to this one. Every lane of the warp takes part.
template <int kLanes>
__device__ __forceinline__ double segment_sum(double value, int head) {
  const int lane = int(threadIdx.x) % kLanes;
#pragma unroll
  for (int offset = 1; offset < kLanes; offset *= 2) {
    const double below = __shfl_up_sync(kFullMask, value, unsigned(offset), kLanes);
    if (lane - offset >= (head > 0 ? head : 0)) value += below;
  }
  return value;
}

/// Sum over the lanes of this group up to this one.
template <int kLanes>
__device__ __forceinline__ double prefix_sum(double value) {
  return segment_sum<kLanes>(value, 0);
}

/// Lane of the group at which the run of equal ids begins that this lane belongs to; -1 if it goes on from `before`,
/// the id of the patient before the group's first.
template <int kLanes>
__device__ __forceinline__ int segment_head(int id, int before) {
  const int lane = int(threadIdx.x) % kLanes, first = int(threadIdx.x) % kWarp - lane;
  const int below = __shfl_up_sync(kFullMask, id, 1u, kLanes);
  const unsigned heads = __ballot_sync(kFullMask, id != (lane == 0 ? before : below)) >> first;
  return 31 - __clz(int(heads & (kFullMask >> (31 - lane))));
}

}  // namespace engram::kernels::cuda
