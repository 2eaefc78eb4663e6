#pragma once
/// Cooperative groups as far as block kernels need them: thread_block, tiled_partition<N> with N up to 32, reduce.

#include "emulator/dialect/builtins.h"
#include "emulator/dialect/sync.h"
#include "emulator/dialect/warp.h"

namespace cooperative_groups {

/// The whole block.
struct thread_block {
  static void sync(EMU_CALLER) { __syncthreads(caller); }
  static unsigned thread_rank() { return threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z); }
  static unsigned size() { return blockDim.x * blockDim.y * blockDim.z; }
  static unsigned num_threads() { return size(); }
  static dim3 group_index() { return dim3(blockIdx); }
  static dim3 thread_index() { return dim3(threadIdx); }
  static dim3 dim_threads() { return blockDim; }
};

inline thread_block this_thread_block() {
  return {};
}

/// Aligned groups of N neighbouring lanes.
template <unsigned N, class Parent = thread_block>
struct thread_block_tile {
  static_assert(N >= 1 && N <= 32 && (N & (N - 1)) == 0, "tiles of 1, 2, 4, 8, 16 or 32 lanes");

  static unsigned thread_rank() { return emu::lane_id() % N; }
  static constexpr unsigned size() { return N; }
  static constexpr unsigned num_threads() { return N; }
  static unsigned meta_group_rank() { return thread_block::thread_rank() / N; }
  static unsigned meta_group_size() { return (thread_block::size() + N - 1) / N; }
  static unsigned mask() { return (N == 32 ? 0xffffffffu : (1u << N % 32) - 1) << base_lane(); }

  void sync(EMU_CALLER) const { __syncwarp(mask(), caller); }
  template <class T>
  T shfl(T value, int lane, EMU_CALLER) const {
    return __shfl_sync(mask(), value, lane, N, caller);
  }
  template <class T>
  T shfl_xor(T value, int lane_mask, EMU_CALLER) const {
    return __shfl_xor_sync(mask(), value, lane_mask, N, caller);
  }
  template <class T>
  T shfl_down(T value, unsigned delta, EMU_CALLER) const {
    return __shfl_down_sync(mask(), value, delta, N, caller);
  }
  template <class T>
  T shfl_up(T value, unsigned delta, EMU_CALLER) const {
    return __shfl_up_sync(mask(), value, delta, N, caller);
  }
  int any(int predicate, EMU_CALLER) const { return __any_sync(mask(), predicate, caller); }
  int all(int predicate, EMU_CALLER) const { return __all_sync(mask(), predicate, caller); }
  unsigned ballot(int predicate, EMU_CALLER) const { return __ballot_sync(mask(), predicate, caller) >> base_lane(); }
  template <class T>
  unsigned match_any(T value, EMU_CALLER) const {
    return __match_any_sync(mask(), value, caller) >> base_lane();
  }

 private:
  static unsigned base_lane() { return emu::lane_id() / N * N; }
};

template <unsigned N, class Parent>
thread_block_tile<N, Parent> tiled_partition(const Parent&) {
  return {};
}

}  // namespace cooperative_groups
