#include "emulator/kernel.h"
#include "tests/emulator/run_on_values.h"
#include "tests/emulator/seeded_bugs.h"

namespace emu::testing {
namespace {

constexpr unsigned kAll = 0xffffffffu;

// ---- missing or misplaced synchronisation ----

__global__ void missing_syncthreads(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  const int t = int(threadIdx.x);
  s[t] = x[t];
  x[t] = s[kCount - 1 - t];
}
__global__ void missing_syncwarp(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  const int t = int(threadIdx.x);
  s[t] = x[t];
  x[t] = s[t ^ 1];
}
__global__ void scratch_reused_too_early(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  const int t = int(threadIdx.x);
  for (int round = 0; round < 2; ++round) {
    s[t] = x[t] + float(round);
    __syncthreads();
    x[t] = s[(t + 1) % kCount];
  }
}
__global__ void half_warp_mask_too_small(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  const int t = int(threadIdx.x), lane = t % 32;
  s[t] = x[t];
  __syncwarp(lane < 16 ? 0xffffu : 0xffff0000u);
  x[t] = s[t - lane + 31 - lane];  // the other half's
}
__global__ void warp_synchronous_reduction(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  const int t = int(threadIdx.x);
  s[t] = x[t];
  __syncthreads();
  if (t < 32) {
    for (int offset = 32; offset > 0; offset /= 2) s[t] += s[t + offset];
  }
  __syncthreads();
  x[t] = s[0];
}
__global__ void double_buffer_of_wrong_parity(float* x, int) {
  EMU_SHARED(float, s, [2][kCount]);
  const int t = int(threadIdx.x);
  s[0][t] = x[t];
  __syncthreads();
  for (int step = 0; step < 3; ++step) {
    s[step % 2][t] = s[step % 2][(t + 1) % kCount] + 1.0f;  // should write the other one
    __syncthreads();
  }
  x[t] = s[0][t];
}
__global__ void shuffle_taken_for_fence(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  const int t = int(threadIdx.x);
  s[t] = x[t];
  const float other = __shfl_xor_sync(kAll, x[t], 1);
  x[t] = s[t ^ 1] + other;
}
__global__ void lanes_talk_through_global(float* x, int) {
  const int t = int(threadIdx.x);
  if (t == 0) x[1] = 1.0f;
  if (t > 0 && t < 32) x[t + 32] = x[1];
}
__global__ void plain_addition_at_one_address(float* x, int) {
  x[0] += 1.0f;
}
__global__ void atomic_beside_plain_write(float* x, int) {
  if (threadIdx.x == 0) {
    x[0] = 0.0f;
  } else {
    atomicAdd(&x[0], 1.0f);
  }
}
__global__ void blocks_write_one_address(float* x, int) {
  if (threadIdx.x == 0) x[0] = float(blockIdx.x);
}
__global__ void blocks_pass_values(float* x, int) {
  if (blockIdx.x == 0) x[threadIdx.x] = 1.0f;
  if (blockIdx.x == 1) x[kCount + threadIdx.x] = x[threadIdx.x];
}
__global__ void shift_in_place(const float* in, float* out, int n) {
  const int t = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (t + 1 < n) out[t] = in[t + 1];
}

// ---- wrong addresses ----

__global__ void one_past_the_end(float* x, int) {
  x[threadIdx.x + 1] = 1.0f;
}
__global__ void before_the_beginning(float* x, int) {
  x[threadIdx.x] = x[int(threadIdx.x) - 1];
}
__global__ void tail_compares_with_less_or_equal(float* x, int n) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i <= n) x[i] = 2.0f;
}
__global__ void vector_tail_overrun(float* x, int n) {
  const int i = int(threadIdx.x) * 4;
  if (i < n) {
    float4 v = *reinterpret_cast<float4*>(x + i);
    v.x += 1.0f;
    *reinterpret_cast<float4*>(x + i) = v;
  }
}
__global__ void misaligned_vector(float* x, int) {
  const float4 v = *reinterpret_cast<const float4*>(x + 1);
  x[threadIdx.x] = v.x;
}
__global__ void misaligned_pair_of_halves(float* x, int) {
  const auto* halves = reinterpret_cast<const __half*>(x) + 1;
  const __half2 v = *reinterpret_cast<const __half2*>(halves);
  if (threadIdx.x == 0) x[0] = __low2float(v);
}
__global__ void shared_past_the_end(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  const int t = int(threadIdx.x);
  s[t] = 0.0f;
  __syncthreads();
  x[t] = s[t + 1];
}
__global__ void dynamic_shared_too_small(float* x, int) {
  EMU_DYNAMIC_SHARED(float, s);
  s[threadIdx.x] = x[threadIdx.x];
}
__global__ void transpose_without_second_guard(float* x, int n) {
  EMU_SHARED(float, s, [16][17]);
  const int tx = int(threadIdx.x) % 16, ty = int(threadIdx.x) / 16;
  if (tx < n) s[ty][tx] = x[ty * n + tx];
  __syncthreads();
  x[100 + tx * 16 + ty] = s[ty][tx < n ? tx : 0];
}
__global__ void reads_host_memory(float* x, const float* host) {
  x[threadIdx.x] = host[threadIdx.x];
}
volatile int host_counter = 0;  // volatile: the write must stay
__global__ void writes_host_variable(float*, int) {
  if (threadIdx.x == 0) host_counter = 1;
}
__global__ void reads_through(float* x, int) {
  const float v = x[threadIdx.x];
  if (v == 12345.0f) x[threadIdx.x] = 0.0f;
}

// ---- values that nobody wrote ----

__global__ void uninitialised_shared(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  const int t = int(threadIdx.x);
  if (t < 32) s[t] = 0.0f;
  __syncthreads();
  x[t] = s[t];
}
__global__ void stale_shared_of_earlier_block(float* x, int) {
  EMU_SHARED(float, total, [1]);
  if (threadIdx.x == 0) {
    if (blockIdx.x == 0) total[0] = 0.0f;
    total[0] += 1.0f;
    x[blockIdx.x] = total[0];
  }
}
__global__ void partial_sums_of_absent_warps(float* x, int) {
  EMU_SHARED(float, partial, [32]);
  const int t = int(threadIdx.x);
  if (t % 32 == 0) partial[t / 32] = x[t];
  __syncthreads();
  if (t < 32) x[t] = partial[t];  // only blockDim.x / 32 of them exist
}

// ---- barriers and masks ----

__global__ void barrier_skipped_by_some(float* x, int) {
  if (threadIdx.x < 16) __syncthreads();
  x[threadIdx.x] = 0.0f;
}
__global__ void two_different_barriers(float* x, int) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  x[threadIdx.x] = 0.0f;
}
__global__ void exit_before_barrier(float* x, int n) {
  if (int(threadIdx.x) >= n) return;
  __syncthreads();
  x[threadIdx.x] = 0.0f;
}
__global__ void barrier_in_loop_of_unequal_length(float* x, int) {
  const int t = int(threadIdx.x);
  for (int i = 0; i < 1 + t / 32; ++i) {
    x[t] = float(i);
    __syncthreads();
  }
  __syncthreads();
}
__global__ void warp_waits_for_another_operation(float* x, int) {
  const int t = int(threadIdx.x);
  if (t < 32) __syncthreads();
  if (t == 63) x[t] = float(__any_sync(kAll, 1));
  __syncthreads();
}
__global__ void mask_names_absent_lanes(float* x, int) {
  const int t = int(threadIdx.x);
  if (t % 2 == 1) x[t] = __shfl_xor_sync(kAll, x[t], 1);
}
__global__ void lane_outside_its_mask(float* x, int) {
  const int t = int(threadIdx.x);
  float v = x[t];
  for (int offset = 8; offset > 0; offset /= 2) v += __shfl_xor_sync(0xffffu, v, offset, 16);
  x[t] = v;
}
__global__ void shuffles_in_two_branches(float* x, int) {
  const int t = int(threadIdx.x);
  if (t % 2 == 0) {
    x[t] = __shfl_sync(kAll, x[t], 0);
  } else {
    x[t] = __shfl_sync(kAll, x[t], 1);
  }
}
__global__ void masks_differ(float* x, int) {
  const int t = int(threadIdx.x);
  x[t] = __shfl_xor_sync(t % 32 == 31 ? 0x80000001u : kAll, x[t], 1);
}
__global__ void shuffle_width_of_twelve(float* x, int) {
  x[threadIdx.x] = __shfl_down_sync(kAll, x[threadIdx.x], 1u, 12);
}

// ---- those that are run in another way ----

void run_shift_in_place() {
  auto* x = static_cast<float*>(allocate(kCount * sizeof(float), "x"));
  fill(x, 0, kCount * sizeof(float));
  EMU_LAUNCH(shift_in_place, 1, kCount, 0, nullptr, x, x, kCount);
  release(x);
}

void run_reads_host_memory() {
  auto* x = static_cast<float*>(allocate(kCount * sizeof(float), "x"));
  const std::vector<float> host(kCount);
  EMU_LAUNCH(reads_host_memory, 1, kCount, 0, nullptr, x, host.data());
  release(x);
}

void run_uninitialised_global() {
  auto* x = static_cast<float*>(allocate(kCount * sizeof(float), "x"));
  EMU_LAUNCH(reads_through, 1, kCount, 0, nullptr, x, kCount);
  release(x);
}

void run_after_free() {
  auto* x = static_cast<float*>(allocate(kCount * sizeof(float), "x"));
  release(x);
  EMU_LAUNCH(reads_through, 1, kCount, 0, nullptr, x, kCount);
}

void run_part_not_handed_out() {
  auto* pool = static_cast<float*>(allocate(1024, "pool"));
  mark_released(pool, 1024);
  mark_allocated(pool, 128, "part");
  fill(pool, 0, 128);
  EMU_LAUNCH(reads_through, 1, kCount, 0, nullptr, pool, kCount);
  release(pool);
}

void run_copy_past_the_end() {
  auto* x = static_cast<float*>(allocate(kCount * sizeof(float), "x"));
  const std::vector<float> host(kCount + 1);
  copy(x, host.data(), (kCount + 1) * sizeof(float));
  release(x);
}

}  // namespace

const std::vector<SeededBug>& seeded_bugs() {
  static const std::vector<SeededBug> bugs = {
      {"missing __syncthreads", Tool::kRacecheck, "hazard at __shared__", run_on_values<missing_syncthreads>},
      {"missing __syncwarp", Tool::kRacecheck, "hazard at __shared__", run_on_values<missing_syncwarp>},
      {"scratch reused too early", Tool::kRacecheck, "WAR hazard", run_on_values<scratch_reused_too_early>},
      {"half-warp mask too small", Tool::kRacecheck, "hazard", run_on_values<half_warp_mask_too_small>},
      {"warp-synchronous reduction", Tool::kRacecheck, "hazard", run_on_values<warp_synchronous_reduction>},
      {"double buffer of wrong parity", Tool::kRacecheck, "hazard", run_on_values<double_buffer_of_wrong_parity>},
      {"shuffle taken for a fence", Tool::kRacecheck, "hazard", run_on_values<shuffle_taken_for_fence>},
      {"lanes talk through global memory", Tool::kRacecheck, "__global__", run_on_values<lanes_talk_through_global>},
      {"plain addition at one address", Tool::kRacecheck, "__global__", run_on_values<plain_addition_at_one_address>},
      {"atomic beside a plain write", Tool::kRacecheck, "Atomic access", run_on_values<atomic_beside_plain_write>},
      {"two blocks write one address", Tool::kRacecheck, "of another block",
       run_on_values<blocks_write_one_address, 2>},
      {"a block reads what another wrote", Tool::kRacecheck, "of another block",
       run_on_values<blocks_pass_values, 2, 128>},
      {"aliased buffers", Tool::kRacecheck, "hazard at __global__", run_shift_in_place},
      {"one past the end", Tool::kMemcheck, "1 bytes after the nearest allocation 'x'",
       run_on_values<one_past_the_end>},
      {"before the beginning", Tool::kMemcheck, "4 bytes before", run_on_values<before_the_beginning>},
      {"tail compares with <=", Tool::kMemcheck, "Invalid __global__ write",
       run_on_values<tail_compares_with_less_or_equal, 2, 65>},
      {"vector access runs over the tail", Tool::kMemcheck, "size 16 bytes", run_on_values<vector_tail_overrun, 1, 30>},
      {"misaligned float4", Tool::kMemcheck, "misaligned", run_on_values<misaligned_vector>},
      {"misaligned half2", Tool::kMemcheck, "misaligned", run_on_values<misaligned_pair_of_halves>},
      {"shared array, past the end", Tool::kMemcheck, "__shared__ array 's'", run_on_values<shared_past_the_end>},
      {"dynamic shared memory too small", Tool::kMemcheck, "dynamic __shared__ memory of size 128",
       run_on_values<dynamic_shared_too_small, 1, 64, 64, 64, 128>},
      {"transpose without its second guard", Tool::kMemcheck, "out of bounds",
       run_on_values<transpose_without_second_guard, 1, 292, 12, 256>},
      {"host pointer", Tool::kMemcheck, "host memory", run_reads_host_memory},
      {"host variable", Tool::kMemcheck, "host memory", run_on_values<writes_host_variable>},
      {"use after free", Tool::kMemcheck, "out of bounds", run_after_free},
      {"part that the allocator has not handed out", Tool::kMemcheck, "after the nearest allocation 'part'",
       run_part_not_handed_out},
      {"copy past the end", Tool::kMemcheck, "by host code", run_copy_past_the_end},
      {"uninitialised shared memory", Tool::kInitcheck, "__shared__", run_on_values<uninitialised_shared>},
      {"uninitialised global memory", Tool::kInitcheck, "__global__", run_uninitialised_global},
      {"stale shared memory", Tool::kInitcheck, "'total'", run_on_values<stale_shared_of_earlier_block, 2>},
      {"partial sums of absent warps", Tool::kInitcheck, "'partial'", run_on_values<partial_sums_of_absent_warps>},
      {"barrier skipped by some", Tool::kSynccheck, "exited before the barrier",
       run_on_values<barrier_skipped_by_some>},
      {"two different barriers", Tool::kSynccheck, "threads of one block wait at",
       run_on_values<two_different_barriers>},
      {"exit before a barrier", Tool::kSynccheck, "exited before the barrier",
       run_on_values<exit_before_barrier, 1, 64, 48>},
      {"barrier in a loop of unequal length", Tool::kSynccheck, "Divergent thread(s) in block",
       run_on_values<barrier_in_loop_of_unequal_length>},
      {"deadlock", Tool::kSynccheck, "Deadlock", run_on_values<warp_waits_for_another_operation>},
      {"mask names absent lanes", Tool::kSynccheck, "inactive lane", run_on_values<mask_names_absent_lanes>},
      {"lane outside its mask", Tool::kSynccheck, "not in its own mask", run_on_values<lane_outside_its_mask>},
      {"shuffles in two branches", Tool::kSynccheck, "Divergent thread(s) in warp",
       run_on_values<shuffles_in_two_branches>},
      {"masks differ", Tool::kSynccheck, "different masks", run_on_values<masks_differ>},
      {"shuffle width of twelve", Tool::kSynccheck, "not a power of two", run_on_values<shuffle_width_of_twelve>},
      {"block of 1025 threads", Tool::kLaunch, "at most 1024 threads", run_on_values<reads_through, 1, 64, 64, 1025>},
      {"more dynamic shared memory than allowed", Tool::kLaunch, "dynamic shared memory",
       run_on_values<reads_through, 1, 64, 64, 64, 50000>}};
  return bugs;
}

}  // namespace emu::testing
