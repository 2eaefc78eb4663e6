/// Sum of an array by warp shuffles: grid-stride loop over float4, __shfl_down_sync within warps, one value a warp
/// through shared memory, one atomic a block. A second kernel does the same with cooperative groups.
///
/// Edits for the emulator: the includes, EMU_SHARED for __shared__, EMU_LAUNCH for <<<>>>.

#include "emulator/cooperative_groups.h"
#include "emulator/kernel.h"
#include "verdict.h"

namespace cg = cooperative_groups;

__inline__ __device__ float warp_reduce_sum(float value) {
  for (int offset = warpSize / 2; offset > 0; offset /= 2) value += __shfl_down_sync(0xffffffff, value, offset);
  return value;
}

__inline__ __device__ float block_reduce_sum(float value) {
  EMU_SHARED(float, partial, [32]);
  const int lane = threadIdx.x % warpSize, warp = threadIdx.x / warpSize;
  value = warp_reduce_sum(value);
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  value = threadIdx.x < blockDim.x / warpSize ? partial[lane] : 0.0f;
  return warp == 0 ? warp_reduce_sum(value) : value;
}

__global__ void reduce_shuffles(const float* __restrict__ in, float* out, int count) {
  float sum = 0.0f;
  const int stride = blockDim.x * gridDim.x, first = blockIdx.x * blockDim.x + threadIdx.x;
  for (int i = first; i < count / 4; i += stride) {
    const float4 v = __ldg(reinterpret_cast<const float4*>(in) + i);
    sum += v.x + v.y + v.z + v.w;
  }
  for (int i = count / 4 * 4 + first; i < count; i += stride) sum += __ldg(in + i);
  sum = block_reduce_sum(sum);
  if (threadIdx.x == 0) atomicAdd(out, sum);
}

__global__ void reduce_groups(const float* __restrict__ in, float* out, int count) {
  const cg::thread_block block = cg::this_thread_block();
  const cg::thread_block_tile<32> tile = cg::tiled_partition<32>(block);
  float sum = 0.0f;
  for (int i = cg::this_grid().thread_rank(); i < count; i += cg::this_grid().size()) sum += in[i];
  sum = cg::reduce(tile, sum, cg::plus<float>());
  if (tile.thread_rank() == 0) atomicAdd(out, sum);
}

int main() {
  begin();
  constexpr int kCount = 10007;
  std::vector<float> in(kCount);
  double expected = 0;
  for (int i = 0; i < kCount; ++i) expected += in[i] = float(i % 13 - 5);
  const float* x = to_device(in);
  bool right = true;
  for (const auto kernel : {reduce_shuffles, reduce_groups}) {
    float* out = to_device({0.0f});
    EMU_LAUNCH(kernel, 5, 256, 0, nullptr, x, out, kCount);
    right &= to_host(out, 1)[0] == float(expected);  // whole numbers: any order gives the same bits
  }
  return verdict(right);
}
