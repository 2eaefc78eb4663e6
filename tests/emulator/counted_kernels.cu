#include "emulator/kernel.h"
#include "tests/emulator/counted_kernels.h"

namespace emu::testing {
namespace {

__global__ void read_kernel(const float* x, float* y, int offset, int stride) {
  y[threadIdx.x] = x[offset + stride * int(threadIdx.x)];
}

__global__ void row_sums_kernel(const float* x, float* y, int rows) {
  float sum = 0;
  for (int row = 0; row < rows; ++row) sum += x[row * 32 + int(threadIdx.x)];
  y[threadIdx.x] = sum;
}

__global__ void unequal_loops_kernel(const float* x, float* y) {
  const int lane = int(threadIdx.x);
  float sum = 0;
  for (int round = 0; round <= lane % 4; ++round) sum += x[round * 32 + lane];
  __syncwarp();
  y[lane] = sum + x[lane];
}

__global__ void shared_widths_kernel(float* y) {
  EMU_SHARED(float, one, [32]);
  EMU_SHARED(float2, two, [32]);
  EMU_SHARED(float4, four, [32]);
  const int lane = int(threadIdx.x);
  one[lane] = 1.0f;
  two[lane] = make_float2(1.0f, 2.0f);
  four[lane] = make_float4(1.0f, 2.0f, 3.0f, 4.0f);
  __syncwarp();
  const float a = one[31 - lane];
  const float2 b = two[31 - lane];
  const float4 c = four[31 - lane];
  y[lane] = a + b.x + c.x;
}

__global__ void shared_atomics_kernel(unsigned* y) {
  EMU_SHARED(unsigned, total, [1]);
  if (threadIdx.x == 0) total[0] = 0;
  __syncthreads();
  atomicAdd(&total[0], 1u);
  __syncthreads();
  if (threadIdx.x == 0) y[0] = total[0];
}

__global__ void two_passes_kernel(const float* x, float* y, int count) {
  float sum = 0;
  for (int pass = 0; pass < 2; ++pass) {
    for (int i = int(threadIdx.x); i < count; i += int(blockDim.x)) sum += x[i];
    __syncthreads();
  }
  y[threadIdx.x] = sum;
}

}  // namespace

void run_read(const float* x, float* y, int offset, int stride) {
  EMU_LAUNCH(read_kernel, 1, 32, 0, nullptr, x, y, offset, stride);
}
void run_row_sums(const float* x, float* y, int rows) {
  EMU_LAUNCH(row_sums_kernel, 1, 32, 0, nullptr, x, y, rows);
}
void run_unequal_loops(const float* x, float* y) {
  EMU_LAUNCH(unequal_loops_kernel, 1, 32, 0, nullptr, x, y);
}
void run_shared_widths(float* y) {
  EMU_LAUNCH(shared_widths_kernel, 1, 32, 0, nullptr, y);
}
void run_shared_atomics(unsigned* y) {
  EMU_LAUNCH(shared_atomics_kernel, 1, 32, 0, nullptr, y);
}
void run_two_passes(const float* x, float* y, int count) {
  EMU_LAUNCH(two_passes_kernel, 1, 256, 0, nullptr, x, y, count);
}

}  // namespace emu::testing
