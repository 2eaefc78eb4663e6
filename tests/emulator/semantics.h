#pragma once
/// Kernels that write down what each intrinsic returns.

namespace emu::testing {

/// Rows of warp_operations(): what each lane of one warp got. The value that lanes bring is 3 * lane - 40, the
/// predicate lane % 3 == 0.
enum WarpRow : int {
  kShuffleRow,
  kShuffleWidth8Row,
  kShuffleUpRow,
  kShuffleDownRow,
  kShuffleDownWidth16Row,
  kShuffleXorRow,
  kBallotRow,
  kAnyRow,
  kAllRow,
  kMatchAnyRow,
  kMatchAllRow,
  kMatchAllPredicateRow,
  kAddRow,
  kMinRow,
  kMaxRow,
  kMinUnsignedRow,
  kMaxUnsignedRow,
  kAndRow,
  kOrRow,
  kXorRow,
  kHalfMaskRow,
  kTileRankRow,
  kTileGroupRow,
  kTileSumRow,
  kTileBallotRow,
  kDoubleShuffleRow,
  kHalfShuffleRow,
  kTileOfTileRow,
  kTileReduceRow,
  kTileGreatestRow,
  kCoalescedRankRow,
  kCoalescedShuffleRow,
  kCoalescedBallotRow,
  kCoalescedReduceRow,
  kGridRankRow,
  kWarpRows
};
/// out [kWarpRows, 32].
void warp_operations(int* out);

/// out [blocks * threads, 3]: __syncthreads_count, _and and _or of thread % 3 == 0.
void barrier_predicates(int* out, int blocks, int threads);

/// out [grid, block]: 1 + the linear rank of each thread, computed from the built-in variables.
void thread_indices(int* out);

/// Integer atomics by 4 blocks of 64 threads: out [11], one element an operation (see the .cu file).
void atomics(unsigned* out);

/// out[i] = sum of 64 values in an order that depends on the order of threads, if the kernel is broken.
void order_dependent(int* out);

/// Dynamic shared memory of the given size; writes its last byte to out.
void dynamic_shared_kernel(unsigned char* out, int bytes);
/// Opts in to that much; returns whether that was allowed.
bool opt_in(int bytes);

/// y = bf16(x) for even, half(x) for odd positions, through pair types.
void round_trip_halves(const float* x, float* y, int count);

/// An operation at which one lane never arrives.
void deadlock(int* out);

/// Launch with the given extents; writes nothing.
void launch_extents(unsigned grid_y, unsigned block_x, unsigned block_y, unsigned block_z);

/// Recurses about `depth` times in each thread: deep stacks.
void deep_calls(int* out, int depth);

}  // namespace emu::testing
