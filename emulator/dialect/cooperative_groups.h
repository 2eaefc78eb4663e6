#pragma once
/// Cooperative groups as far as block kernels need them: thread_block, tiles of up to 32 lanes, coalesced_threads,
/// reduce. A grid can be asked for its extents, not synchronised.

#include <bit>
#include <type_traits>

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
  static dim3 group_dim() { return blockDim; }
};

inline thread_block this_thread_block() {
  return {};
}

/// All blocks.
struct grid_group {
  static unsigned long long thread_rank() {
    const unsigned long long block = blockIdx.x + 1ull * gridDim.x * (blockIdx.y + 1ull * gridDim.y * blockIdx.z);
    return block * thread_block::size() + thread_block::thread_rank();
  }
  static unsigned long long size() { return 1ull * gridDim.x * gridDim.y * gridDim.z * thread_block::size(); }
  static unsigned long long num_threads() { return size(); }
};

inline grid_group this_grid() {
  return {};
}

/// Aligned groups of N neighbouring lanes.
template <unsigned N, class Parent = thread_block>
struct thread_block_tile {
  static_assert(N >= 1 && N <= 32 && (N & (N - 1)) == 0, "tiles of 1, 2, 4, 8, 16 or 32 lanes");

  static unsigned thread_rank() { return emu::lane_id() % N; }
  static constexpr unsigned size() { return N; }
  static constexpr unsigned num_threads() { return N; }
  static unsigned meta_group_rank() { return Parent::thread_rank() / N; }
  static unsigned meta_group_size() { return (Parent::size() + N - 1) / N; }
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
  template <class T>
  unsigned match_all(T value, int& predicate, EMU_CALLER) const {
    return __match_all_sync(mask(), value, &predicate, caller) >> base_lane();
  }

 private:
  static unsigned base_lane() { return emu::lane_id() / N * N; }
};

template <unsigned N, class Parent>
thread_block_tile<N, Parent> tiled_partition(const Parent&) {
  return {};
}

/// Some lanes of a warp, by rank.
class coalesced_group {
 public:
  explicit coalesced_group(unsigned lanes) : lanes_(lanes) {}

  unsigned thread_rank() const { return unsigned(std::popcount(lanes_ & ((1u << emu::lane_id()) - 1))); }
  unsigned size() const { return unsigned(std::popcount(lanes_)); }
  unsigned num_threads() const { return size(); }

  void sync(EMU_CALLER) const { __syncwarp(lanes_, caller); }
  template <class T>
  T shfl(T value, unsigned rank, EMU_CALLER) const {
    return __shfl_sync(lanes_, value, lane_of(rank % size()), 32, caller);
  }
  template <class T>
  T shfl_down(T value, unsigned delta, EMU_CALLER) const {
    const unsigned rank = thread_rank() + delta;
    return shfl(value, rank < size() ? rank : thread_rank(), caller);
  }
  template <class T>
  T shfl_up(T value, unsigned delta, EMU_CALLER) const {
    const unsigned rank = thread_rank();
    return shfl(value, rank >= delta ? rank - delta : rank, caller);
  }
  int any(int predicate, EMU_CALLER) const { return __any_sync(lanes_, predicate, caller); }
  int all(int predicate, EMU_CALLER) const { return __all_sync(lanes_, predicate, caller); }
  unsigned ballot(int predicate, EMU_CALLER) const { return by_rank(__ballot_sync(lanes_, predicate, caller)); }
  template <class T>
  unsigned match_any(T value, EMU_CALLER) const {
    return by_rank(__match_any_sync(lanes_, value, caller));
  }

 private:
  int lane_of(unsigned rank) const {
    unsigned rest = lanes_;
    for (unsigned i = 0; i < rank; ++i) rest &= rest - 1;
    return std::countr_zero(rest);
  }
  // A mask of lanes as a mask of ranks.
  unsigned by_rank(unsigned lanes) const {
    unsigned ranks = 0, rank = 0;
    for (unsigned rest = lanes_; rest != 0; rest &= rest - 1, ++rank) {
      ranks |= (lanes >> std::countr_zero(rest) & 1u) << rank;
    }
    return ranks;
  }

  unsigned lanes_;
};

/// The lanes of the warp that have not exited, which must all come. The GPU takes those that happen to run together;
/// fibers never do, so a group in a branch that some lanes do not take is reported.
inline coalesced_group coalesced_threads(EMU_CALLER) {
  return coalesced_group(__ballot_sync(0xffffffffu, 1, caller));
}

template <class Group>
void sync(const Group& group, EMU_CALLER) {
  group.sync(caller);
}

/// Operators of reduce.
template <class T>
struct plus {
  T operator()(T a, T b) const { return a + b; }
};
template <class T>
struct less {
  T operator()(T a, T b) const { return b < a ? b : a; }
};
template <class T>
struct greater {
  T operator()(T a, T b) const { return a < b ? b : a; }
};
template <class T>
struct bit_and {
  T operator()(T a, T b) const { return a & b; }
};
template <class T>
struct bit_or {
  T operator()(T a, T b) const { return a | b; }
};
template <class T>
struct bit_xor {
  T operator()(T a, T b) const { return a ^ b; }
};

/// The operator over the values of the group, in every thread of it. CUDA leaves the order open; here the halves of a
/// tile are combined, and a coalesced group goes by rank.
template <unsigned N, class Parent, class T, class Operator>
T reduce(const thread_block_tile<N, Parent>& group, T value, Operator combine, EMU_CALLER) {
  for (int offset = int(N) / 2; offset > 0; offset /= 2) value = combine(value, group.shfl_xor(value, offset, caller));
  return value;
}
template <class T, class Operator>
T reduce(const coalesced_group& group, T value, Operator combine, EMU_CALLER) {
  T result = group.shfl(value, 0, caller);
  for (unsigned rank = 1; rank < group.size(); ++rank) result = combine(result, group.shfl(value, rank, caller));
  return result;
}

}  // namespace cooperative_groups
