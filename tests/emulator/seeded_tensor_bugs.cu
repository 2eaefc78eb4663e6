#include "emulator/kernel.h"
#include "tests/emulator/run_on_values.h"
#include "tests/emulator/seeded_bugs.h"

namespace emu::testing {
namespace {

using tensor::FragmentA;
using tensor::FragmentB;
using tensor::FragmentC;
using tensor::shared_address;
using tensor::SharedAddress;

// ---- asynchronous copies: two warps, four bytes a thread ----

__global__ void copy_without_wait(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  const int t = int(threadIdx.x);
  tensor::copy_async_4(shared_address(&s[t]), &x[t], 4);
  tensor::commit_copies();
  __syncthreads();
  x[t] = s[kCount - 1 - t];
}
__global__ void copy_waits_for_one_group_too_few(float* x, int) {
  EMU_SHARED(float, s, [2][kCount]);
  const int t = int(threadIdx.x);
  for (int stage = 0; stage < 2; ++stage) {
    tensor::copy_async_4(shared_address(&s[stage][t]), &x[t], 4);
    tensor::commit_copies();
  }
  tensor::wait_copies<1>();
  __syncthreads();
  x[t] = s[0][kCount - 1 - t] + s[1][t];
}
__global__ void copy_never_committed(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  const int t = int(threadIdx.x);
  tensor::copy_async_4(shared_address(&s[t]), &x[t], 4);
  tensor::wait_copies<0>();
  x[t] = s[t];
}
__global__ void copy_without_barrier(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  const int t = int(threadIdx.x);
  tensor::copy_async_4(shared_address(&s[t]), &x[t], 4);
  tensor::commit_copies();
  tensor::wait_copies<0>();
  x[t] = s[kCount - 1 - t];
}
__global__ void copy_into_stage_in_use(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  const int t = int(threadIdx.x);
  s[t] = x[t];
  __syncthreads();
  const float v = s[kCount - 1 - t];
  tensor::copy_async_4(shared_address(&s[t]), &x[t], 4);
  tensor::commit_copies();
  tensor::wait_copies<0>();
  __syncthreads();
  x[t] = v + s[t];
}
__global__ void copy_over_a_copy(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  const int t = int(threadIdx.x);
  tensor::copy_async_4(shared_address(&s[t]), &x[t], 4);
  tensor::copy_async_4(shared_address(&s[t]), &x[kCount - 1 - t], 4);
  tensor::commit_copies();
  tensor::wait_copies<0>();
}
__global__ void write_to_target_of_copy(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  const int t = int(threadIdx.x);
  tensor::copy_async_4(shared_address(&s[t]), &x[t], 4);
  s[t] = 0.0f;
  tensor::commit_copies();
  tensor::wait_copies<0>();
}
__global__ void source_of_copy_changes(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  const int t = int(threadIdx.x);
  tensor::copy_async_4(shared_address(&s[t]), &x[t], 4);
  tensor::commit_copies();
  __syncthreads();
  x[kCount - 1 - t] = 0.0f;
  __syncthreads();
  tensor::wait_copies<0>();
}
__global__ void copy_to_misaligned_target(float* x, int) {
  EMU_SHARED(float, s, [4 * kCount]);
  tensor::copy_async_16(shared_address(s) + 4, x, 16);
}
__global__ void copy_from_misaligned_source(float* x, int) {
  EMU_SHARED(float4, s, [kCount]);
  tensor::copy_async_16(shared_address(&s[threadIdx.x]), x + 1, 16);
}
__global__ void copy_of_more_than_its_size(float* x, int) {
  EMU_SHARED(float4, s, [kCount]);
  tensor::copy_async_16(shared_address(&s[threadIdx.x]), x, 20);
}
__global__ void copy_of_twelve_bytes(float* x, int) {
  EMU_SHARED(float4, s, [kCount]);
  __pipeline_memcpy_async(&s[threadIdx.x], x, 12);
}
__global__ void copy_past_shared_memory(float* x, int) {
  EMU_SHARED(float4, s, [4]);
  tensor::copy_async_16(shared_address(s) + 16 * threadIdx.x, x, 16);
}
__global__ void copy_past_the_source(float* x, int) {
  EMU_SHARED(float4, s, [kCount]);
  tensor::copy_async_16(shared_address(&s[threadIdx.x]), x + 4 * threadIdx.x, 16);
}
__global__ void copy_from_shared_memory(float*, int) {
  EMU_SHARED(float, s, [kCount]);
  tensor::copy_async_4(shared_address(&s[threadIdx.x]), &s[0], 4);
}
__global__ void address_of_global_memory(float* x, int) {
  EMU_SHARED(float, s, [kCount]);
  s[threadIdx.x] = x[threadIdx.x];
  x[threadIdx.x] = float(shared_address(x));
}

void run_copy_of_uninitialised_memory() {
  auto* x = static_cast<float*>(allocate(kCount * sizeof(float), "x"));
  EMU_LAUNCH(copy_without_barrier, 1, kCount, 0, nullptr, x, kCount);
  release(x);
}

// ---- ldmatrix ----

__global__ void ldmatrix_of_misaligned_row(float* x, int) {
  EMU_SHARED(float4, s, [64]);
  std::uint32_t r;
  tensor::ldmatrix_x1(r, shared_address(s) + 4 * threadIdx.x);
  x[threadIdx.x] = float(r);
}
__global__ void ldmatrix_past_shared_memory(float* x, int) {
  EMU_SHARED(float4, s, [4]);
  std::uint32_t r;
  tensor::ldmatrix_x1(r, shared_address(s) + 16 * threadIdx.x);
  x[threadIdx.x] = float(r);
}
__global__ void ldmatrix_of_unwritten_rows(float* x, int) {
  EMU_SHARED(float4, s, [8]);
  if (threadIdx.x < 4) s[threadIdx.x] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  __syncthreads();
  std::uint32_t r;
  tensor::ldmatrix_x1(r, shared_address(s) + 16 * (threadIdx.x % 8));
  x[threadIdx.x] = float(r);
}
__global__ void ldmatrix_without_syncwarp(float* x, int) {
  EMU_SHARED(float4, s, [kCount]);
  const int t = int(threadIdx.x);
  s[t] = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  std::uint32_t r;
  tensor::ldmatrix_x1(r, shared_address(&s[t ^ 1]));
  x[t] = float(r);
}

// ---- mma ----

__device__ void multiply_ones(float* x) {
  FragmentC sum(0.0f);
  tensor::mma_tf32(sum, FragmentA(0, 0, 0, 0), FragmentB(0, 0));
  x[threadIdx.x] = sum.v[0];
}
__global__ void mma_with_exited_lane(float* x, int) {
  if (threadIdx.x == 40) return;
  multiply_ones(x);
}
__global__ void mma_in_partial_warp(float* x, int) {
  multiply_ones(x);
}
__global__ void mma_in_two_branches(float* x, int) {
  FragmentC sum(0.0f);
  if (threadIdx.x % 2 == 0) {
    tensor::mma_tf32(sum, FragmentA(0, 0, 0, 0), FragmentB(0, 0));
  } else {
    tensor::mma_tf32(sum, FragmentA(0, 0, 0, 0), FragmentB(0, 0));
  }
  x[threadIdx.x] = sum.v[0];
}
__global__ void mma_on_unset_accumulator(float* x, int) {
  FragmentC sum;
  tensor::mma_tf32(sum, FragmentA(0, 0, 0, 0), FragmentB(0, 0));
  x[threadIdx.x] = sum.v[0];
}
__global__ void mma_on_half_set_operand(float* x, int) {
  FragmentC sum(0.0f);
  FragmentA a;
  a.r[0] = a.r[1] = 0;
  tensor::mma_bf16(sum, a, FragmentB(0, 0));
  x[threadIdx.x] = sum.v[0];
}

}  // namespace

const std::vector<SeededBug>& seeded_tensor_bugs() {
  static const std::vector<SeededBug> bugs = {
      {"copy without a wait", Tool::kRacecheck, "is under way", run_on_values<copy_without_wait>},
      {"data of a copy nobody waited for", Tool::kSynccheck, "its data were read", run_on_values<copy_without_wait>},
      {"wait for one group too few", Tool::kRacecheck, "is under way", run_on_values<copy_waits_for_one_group_too_few>},
      {"copy never committed", Tool::kRacecheck, "is under way", run_on_values<copy_never_committed>},
      {"wait without a barrier", Tool::kRacecheck, "RAW hazard", run_on_values<copy_without_barrier>},
      {"copy into a stage in use", Tool::kRacecheck, "WAR hazard", run_on_values<copy_into_stage_in_use>},
      {"copy over a copy", Tool::kRacecheck, "is under way", run_on_values<copy_over_a_copy>},
      {"write to the target of a copy", Tool::kRacecheck, "is under way", run_on_values<write_to_target_of_copy>},
      {"source of a copy changes", Tool::kRacecheck, "the source was written", run_on_values<source_of_copy_changes>},
      {"copy to a misaligned target", Tool::kMemcheck, "misaligned", run_on_values<copy_to_misaligned_target>},
      {"copy from a misaligned source", Tool::kMemcheck, "misaligned", run_on_values<copy_from_misaligned_source>},
      {"copy of more than its size", Tool::kMemcheck, "20 valid bytes of 16",
       run_on_values<copy_of_more_than_its_size>},
      {"copy of twelve bytes", Tool::kMemcheck, "not 4, 8 or 16", run_on_values<copy_of_twelve_bytes>},
      {"copy past shared memory", Tool::kMemcheck, "Invalid __shared__ write", run_on_values<copy_past_shared_memory>},
      {"copy past the source", Tool::kMemcheck, "Invalid __global__ read of size 16",
       run_on_values<copy_past_the_source>},
      {"copy from shared memory", Tool::kMemcheck, "not __global__", run_on_values<copy_from_shared_memory>},
      {"shared address of global memory", Tool::kMemcheck, "Address of __shared__ memory expected",
       run_on_values<address_of_global_memory>},
      {"copy of uninitialised memory", Tool::kInitcheck, "__global__", run_copy_of_uninitialised_memory},
      {"ldmatrix of a misaligned row", Tool::kMemcheck, "misaligned", run_on_values<ldmatrix_of_misaligned_row>},
      {"ldmatrix past shared memory", Tool::kMemcheck, "out of bounds", run_on_values<ldmatrix_past_shared_memory>},
      {"ldmatrix of unwritten rows", Tool::kInitcheck, "'s'", run_on_values<ldmatrix_of_unwritten_rows>},
      {"ldmatrix without __syncwarp", Tool::kRacecheck, "RAW hazard", run_on_values<ldmatrix_without_syncwarp>},
      {"mma with an exited lane", Tool::kSynccheck, "need all 32 lanes", run_on_values<mma_with_exited_lane>},
      {"mma in a partial warp", Tool::kSynccheck, "need all 32 lanes",
       run_on_values<mma_in_partial_warp, 1, 64, 64, 48>},
      {"mma in two branches", Tool::kSynccheck, "Divergent thread(s) in warp", run_on_values<mma_in_two_branches>},
      {"mma on an unset accumulator", Tool::kInitcheck, "the accumulator of lane",
       run_on_values<mma_on_unset_accumulator>},
      {"mma on a half-set operand", Tool::kInitcheck, "A of lane", run_on_values<mma_on_half_set_operand>}};
  return bugs;
}

}  // namespace emu::testing
