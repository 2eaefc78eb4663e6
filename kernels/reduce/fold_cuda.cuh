#pragma once
/// What a reduction keeps while it folds: identity, folding in values, merging two partial results. Merging gives the
/// same result in any order for extremes, and is done in a fixed order for sums.

#include "kernels/common/cuda/launch.cuh"
#include "kernels/reduce/reduce.h"

namespace engram::kernels::cuda {

/// Sums: short runs are added as a tree in f32, the runs in double.
template <bool kSquare>
struct SumFold {
  struct State {
    double sum;
  };

  __device__ static State identity() { return {0.0}; }

  /// Folds in values of neighbouring positions; only those below `count`.
  template <int kCount>
  __device__ __forceinline__ static void add(State& state, float (&x)[kCount], const int (&)[kCount], int count) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) x[i] = i < count ? (kSquare ? x[i] * x[i] : x[i]) : 0.f;
#pragma unroll
    for (int half = kCount / 2; half > 0; half /= 2) {
#pragma unroll
      for (int i = 0; i < half; ++i) x[i] += x[i + half];
    }
    state.sum += double(x[0]);
  }

  __device__ __forceinline__ static void merge(State& into, const State& other) {
    into.sum += other.sum;
  }

  __device__ __forceinline__ static State from_lane_xor(const State& state, int offset) {
    return {__shfl_xor_sync(kFullMask, state.sum, offset)};
  }

  __device__ __forceinline__ static void write(const State& state, double scale, float* y, std::int32_t*) {
    if (y) *y = float(scale * state.sum);
  }
};

/// Largest or smallest value with its position: a NaN wins over every number, the lowest position wins a tie.
template <bool kMaximum>
struct ExtremeFold {
  struct State {
    float value;
    std::int32_t position;
  };

  __device__ static State identity() { return {kMaximum ? -INFINITY : INFINITY, INT32_MAX}; }

  __device__ __forceinline__ static bool beats(const State& candidate, const State& best) {
    const bool candidate_nan = candidate.value != candidate.value, best_nan = best.value != best.value;
    if (candidate_nan != best_nan) return candidate_nan;
    const bool tie = candidate_nan || candidate.value == best.value;
    if (tie) return candidate.position < best.position;
    return kMaximum ? candidate.value > best.value : candidate.value < best.value;
  }

  template <int kCount>
  __device__ __forceinline__ static void add(State& state, float (&x)[kCount], const int (&position)[kCount],
                                             int count) {
#pragma unroll
    for (int i = 0; i < kCount; ++i)
      if (i < count) merge(state, {x[i], position[i]});
  }

  __device__ __forceinline__ static void merge(State& into, const State& other) {
    if (beats(other, into)) into = other;
  }

  __device__ __forceinline__ static State from_lane_xor(const State& state, int offset) {
    return {__shfl_xor_sync(kFullMask, state.value, offset), __shfl_xor_sync(kFullMask, state.position, offset)};
  }

  __device__ __forceinline__ static void write(const State& state, double, float* y, std::int32_t* index) {
    if (y) *y = state.value;
    if (index) *index = state.position;
  }
};

/// Merges the states of groups of kLanes neighbouring lanes, as a tree. Every lane of the warp takes part.
template <class Fold, int kLanes>
__device__ __forceinline__ void merge_lanes(typename Fold::State& state) {
#pragma unroll
  for (int offset = kLanes / 2; offset > 0; offset /= 2) Fold::merge(state, Fold::from_lane_xor(state, offset));
}

}  // namespace engram::kernels::cuda
