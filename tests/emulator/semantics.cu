#include "emulator/cooperative_groups.h"
#include "emulator/kernel.h"
#include "tests/emulator/semantics.h"

namespace emu::testing {
namespace {

namespace cg = cooperative_groups;

constexpr unsigned kAll = 0xffffffffu;

__global__ void warp_operations_kernel(int* out) {
  const int lane = int(threadIdx.x), value = 3 * lane - 40, predicate = lane % 3 == 0;
  const auto put = [&](int row, int v) { out[row * 32 + lane] = v; };
  put(kShuffleRow, __shfl_sync(kAll, value, lane + 5));
  put(kShuffleWidth8Row, __shfl_sync(kAll, value, 3, 8));
  put(kShuffleUpRow, __shfl_up_sync(kAll, value, 2u));
  put(kShuffleDownRow, __shfl_down_sync(kAll, value, 2u));
  put(kShuffleDownWidth16Row, __shfl_down_sync(kAll, value, 4u, 16));
  put(kShuffleXorRow, __shfl_xor_sync(kAll, value, 9));
  put(kBallotRow, int(__ballot_sync(kAll, predicate)));
  put(kAnyRow, __any_sync(kAll, lane == 31));
  put(kAllRow, __all_sync(kAll, lane != 31));
  put(kMatchAnyRow, int(__match_any_sync(kAll, lane % 4)));
  int same = -1;
  put(kMatchAllRow, int(__match_all_sync(kAll, 7, &same)));
  put(kMatchAllPredicateRow, same);
  put(kAddRow, __reduce_add_sync(kAll, value));
  put(kMinRow, __reduce_min_sync(kAll, value));
  put(kMaxRow, __reduce_max_sync(kAll, value));
  put(kMinUnsignedRow, int(__reduce_min_sync(kAll, unsigned(value))));
  put(kMaxUnsignedRow, int(__reduce_max_sync(kAll, unsigned(value))));
  put(kAndRow, int(__reduce_and_sync(kAll, unsigned(value))));
  put(kOrRow, int(__reduce_or_sync(kAll, unsigned(value))));
  put(kXorRow, int(__reduce_xor_sync(kAll, unsigned(value))));
  // The two halves of the warp on their own.
  put(kHalfMaskRow, lane < 16 ? __reduce_add_sync(0xffffu, lane) : __reduce_add_sync(0xffff0000u, lane));
  const auto tile = cg::tiled_partition<8>(cg::this_thread_block());
  put(kTileRankRow, int(tile.thread_rank()));
  put(kTileGroupRow, int(tile.meta_group_rank()));
  int sum = lane;
  for (int offset = 4; offset > 0; offset /= 2) sum += tile.shfl_down(sum, unsigned(offset));
  put(kTileSumRow, tile.shfl(sum, 0));
  put(kTileBallotRow, int(tile.ballot(predicate)));
  put(kDoubleShuffleRow, int(__shfl_xor_sync(kAll, double(lane) + 0.5, 1) * 2));
  put(kHalfShuffleRow, int(__half2float(__shfl_xor_sync(kAll, __float2half(float(lane)), 1))));
  const auto quarter = cg::tiled_partition<4>(tile);
  put(kTileOfTileRow, int(quarter.meta_group_rank() * 10 + quarter.meta_group_size()));
  put(kTileReduceRow, cg::reduce(tile, lane, cg::plus<int>()));
  put(kTileGreatestRow, cg::reduce(tile, value * (lane % 2 ? 1 : -1), cg::greater<int>()));
  put(kGridRankRow, int(cg::this_grid().thread_rank()));
  if (lane % 4 == 3) return;  // the rest coalesces
  const auto rest = cg::coalesced_threads();
  put(kCoalescedRankRow, int(rest.thread_rank()));
  put(kCoalescedShuffleRow, rest.shfl(value, 5));
  put(kCoalescedBallotRow, int(rest.ballot(predicate)));
  put(kCoalescedReduceRow, cg::reduce(rest, lane, cg::plus<int>()));
}

__global__ void barrier_predicates_kernel(int* out) {
  const int predicate = threadIdx.x % 3 == 0;
  int* mine = out + (blockIdx.x * blockDim.x + threadIdx.x) * 3;
  mine[0] = __syncthreads_count(predicate);
  mine[1] = __syncthreads_and(predicate);
  mine[2] = __syncthreads_or(predicate);
}

__global__ void thread_indices_kernel(int* out) {
  const unsigned block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const unsigned thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  const unsigned rank = block * blockDim.x * blockDim.y * blockDim.z + thread;
  out[rank] = int(rank) + 1;
}

__global__ void atomics_kernel(unsigned* out) {
  const unsigned rank = blockIdx.x * blockDim.x + threadIdx.x;
  atomicAdd(&out[0], 2u);
  atomicSub(&out[1], 1u);
  atomicMax(&out[2], rank);
  atomicMin(&out[3], rank);
  atomicAnd(&out[4], ~(1u << rank % 16));
  atomicOr(&out[5], 1u << rank % 16);
  atomicXor(&out[6], rank);
  atomicInc(&out[7], 9u);
  atomicDec(&out[8], 9u);
  atomicExch(&out[9], 5u);
  for (unsigned old = out[10], seen; (seen = atomicCAS(&out[10], old, old + 1)) != old;) old = seen;
}

// Every thread adds itself behind what the others left: broken on purpose.
__global__ void order_dependent_kernel(int* out) {
  EMU_SHARED(int, last, [1]);
  out[threadIdx.x] = last[0];
  last[0] = int(threadIdx.x);
}

__global__ void dynamic_shared_last_byte(unsigned char* out, int bytes) {
  EMU_DYNAMIC_SHARED(unsigned char, memory);
  if (threadIdx.x == 0) memory[bytes - 1] = 42;
  __syncthreads();
  if (threadIdx.x == 1) out[0] = memory[bytes - 1];
}

__global__ void round_trip_halves_kernel(const float* x, float* y, int count) {
  const int i = int(threadIdx.x) * 2;
  if (i + 1 >= count) return;
  const __nv_bfloat162 b = __floats2bfloat162_rn(x[i], x[i + 1]);
  const __half2 h = __floats2half2_rn(x[i], x[i + 1]);
  y[i] = __low2float(b);
  y[i + 1] = __high2float(h);
}

__global__ void deadlock_kernel(int* out) {
  if (threadIdx.x == 0) {
    __syncthreads();
  } else {
    out[threadIdx.x] = __any_sync(kAll, 1);
  }
}

__global__ void empty_kernel() {}

__device__ __attribute__((noinline)) int deep(int depth) {
  volatile int local[4] = {depth, 1, 2, 3};
  return depth == 0 ? local[1] : deep(depth - 1) + local[1];
}
__global__ void deep_calls_kernel(int* out, int depth) {
  const int v = deep(depth);
  __syncthreads();
  out[threadIdx.x] = v;
}

}  // namespace

void warp_operations(int* out) {
  EMU_LAUNCH(warp_operations_kernel, 1, 32, 0, nullptr, out);
}
void barrier_predicates(int* out, int blocks, int threads) {
  EMU_LAUNCH(barrier_predicates_kernel, unsigned(blocks), unsigned(threads), 0, nullptr, out);
}
void thread_indices(int* out) {
  EMU_LAUNCH(thread_indices_kernel, dim3(3, 2, 4), dim3(5, 3, 2), 0, nullptr, out);
}
void atomics(unsigned* out) {
  EMU_LAUNCH(atomics_kernel, 4, 64, 0, nullptr, out);
}
void order_dependent(int* out) {
  EMU_LAUNCH(order_dependent_kernel, 1, 64, 0, nullptr, out);
}
void dynamic_shared_kernel(unsigned char* out, int bytes) {
  EMU_LAUNCH(dynamic_shared_last_byte, 1, 32, std::size_t(bytes), nullptr, out, bytes);
}
bool opt_in(int bytes) {
  return cudaFuncSetAttribute(dynamic_shared_last_byte, cudaFuncAttributeMaxDynamicSharedMemorySize, bytes) ==
         cudaSuccess;
}
void round_trip_halves(const float* x, float* y, int count) {
  EMU_LAUNCH(round_trip_halves_kernel, 1, unsigned(count + 1) / 2, 0, nullptr, x, y, count);
}
void deadlock(int* out) {
  EMU_LAUNCH(deadlock_kernel, 1, 64, 0, nullptr, out);
}
void launch_extents(unsigned grid_y, unsigned block_x, unsigned block_y, unsigned block_z) {
  EMU_LAUNCH(empty_kernel, dim3(1, grid_y), dim3(block_x, block_y, block_z), 0, nullptr);
}
void deep_calls(int* out, int depth) {
  EMU_LAUNCH(deep_calls_kernel, 1, 64, 0, nullptr, out, depth);
}

}  // namespace emu::testing
