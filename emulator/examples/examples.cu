#include "emulator/cooperative_groups.h"
#include "emulator/examples/examples.h"
#include "emulator/kernel.h"

namespace emu::examples {
namespace {

namespace cg = cooperative_groups;

constexpr unsigned kAll = 0xffffffffu;

cudaStream_t stream_of(void* stream) {
  return static_cast<cudaStream_t>(stream);
}

__global__ void add_kernel(const float4* __restrict__ a, const float4* __restrict__ b, float4* __restrict__ c,
                           int count4) {
  const int i = int(blockIdx.x * blockDim.x + threadIdx.x);
  if (i >= count4) return;
  const float4 x = a[i], y = b[i];
  c[i] = make_float4(x.x + y.x, x.y + y.y, x.z + y.z, x.w + y.w);
}

__device__ float warp_sum(float v) {
  for (int offset = 16; offset > 0; offset /= 2) v += __shfl_xor_sync(kAll, v, offset);
  return v;
}

// Sum over the block, in all threads. `scratch`: 33 floats of shared memory, free for other use on return.
__device__ float block_sum(float v, float* scratch) {
  const int thread = int(threadIdx.x), warps = int(blockDim.x) / 32;
  v = warp_sum(v);
  if (thread % 32 == 0) scratch[thread / 32] = v;
  __syncthreads();
  if (thread < 32) {
    v = warp_sum(thread < warps ? scratch[thread] : 0.0f);
    if (thread == 0) scratch[32] = v;
  }
  __syncthreads();
  v = scratch[32];
  __syncthreads();  // frees scratch for the caller
  return v;
}

// Two passes: the mean, then squares about it.
__global__ void __launch_bounds__(1024) channel_statistics_kernel(const float* __restrict__ x, float* mean,
                                                                  float* variance, int n, int channels, int pixels) {
  EMU_SHARED(float, scratch, [33]);
  const int channel = int(blockIdx.x), count = n * pixels;
  const auto value = [&](int i) { return x[(i / pixels * channels + channel) * pixels + i % pixels]; };
  float sum = 0;
  for (int i = int(threadIdx.x); i < count; i += int(blockDim.x)) sum += value(i);
  const float m = block_sum(sum, scratch) / float(count);
  float squares = 0;
  for (int i = int(threadIdx.x); i < count; i += int(blockDim.x)) squares += (value(i) - m) * (value(i) - m);
  const float v = block_sum(squares, scratch) / float(count);
  if (threadIdx.x == 0) {
    mean[channel] = m;
    variance[channel] = v;
  }
}

constexpr int kTile = 32, kTileRows = 8;

template <int kPadding>
__global__ void __launch_bounds__(kTile* kTileRows)
    transpose_kernel(const float* __restrict__ in, float* __restrict__ out, int rows, int columns) {
  EMU_SHARED(float, tile, [kTile][kTile + kPadding]);
  const int tx = int(threadIdx.x), ty = int(threadIdx.y);
  int x = int(blockIdx.x) * kTile + tx, y = int(blockIdx.y) * kTile + ty;
  for (int j = 0; j < kTile; j += kTileRows) {
    if (x < columns && y + j < rows) tile[ty + j][tx] = in[(y + j) * columns + x];
  }
  __syncthreads();
  x = int(blockIdx.y) * kTile + tx;
  y = int(blockIdx.x) * kTile + ty;
  for (int j = 0; j < kTile; j += kTileRows) {
    if (x < rows && y + j < columns) out[(y + j) * rows + x] = tile[tx][ty + j];
  }
}

template <int kPadding>
void launch_transpose(const float* in, float* out, int rows, int columns, void* stream) {
  const dim3 grid(unsigned(columns + kTile - 1) / kTile, unsigned(rows + kTile - 1) / kTile);
  EMU_LAUNCH((transpose_kernel<kPadding>), grid, dim3(kTile, kTileRows), 0, stream_of(stream), in, out, rows, columns);
}

template <int kLanes>
__global__ void softmax_kernel(const float* __restrict__ x, float* __restrict__ y, int rows, int columns) {
  EMU_DYNAMIC_SHARED(float, stage);
  const auto tile = cg::tiled_partition<kLanes>(cg::this_thread_block());
  const int lane = int(tile.thread_rank());
  const int row = int(blockIdx.x * (blockDim.x / kLanes) + tile.meta_group_rank());
  if (row >= rows) return;  // whole tiles leave
  float* staged = stage + int(tile.meta_group_rank()) * columns;
  float largest = -INFINITY;
  for (int j = lane; j < columns; j += kLanes) {
    staged[j] = x[row * columns + j];
    largest = fmaxf(largest, staged[j]);
  }
  for (int offset = kLanes / 2; offset > 0; offset /= 2) largest = fmaxf(largest, tile.shfl_xor(largest, offset));
  float sum = 0;
  for (int j = lane; j < columns; j += kLanes) {
    staged[j] = expf(staged[j] - largest);
    sum += staged[j];
  }
  for (int offset = kLanes / 2; offset > 0; offset /= 2) sum += tile.shfl_xor(sum, offset);
  tile.sync();
  // Written last to first, so that lanes read what others have staged.
  for (int j = lane; j < columns; j += kLanes) y[row * columns + columns - 1 - j] = staged[columns - 1 - j] / sum;
}

__global__ void histogram_kernel(const unsigned char* __restrict__ x, unsigned* out, int count) {
  EMU_SHARED(unsigned, bins, [256]);
  for (int i = int(threadIdx.x); i < 256; i += int(blockDim.x)) bins[i] = 0;
  __syncthreads();
  for (int i = int(blockIdx.x * blockDim.x + threadIdx.x); i < count; i += int(gridDim.x * blockDim.x)) {
    atomicAdd(&bins[x[i]], 1u);
  }
  __syncthreads();
  for (int i = int(threadIdx.x); i < 256; i += int(blockDim.x)) {
    if (bins[i] != 0) atomicAdd(&out[i], bins[i]);
  }
}

}  // namespace

void add(const float* a, const float* b, float* c, int count4, void* stream) {
  EMU_LAUNCH(add_kernel, unsigned(count4 + 127) / 128, 128, 0, stream_of(stream), reinterpret_cast<const float4*>(a),
             reinterpret_cast<const float4*>(b), reinterpret_cast<float4*>(c), count4);
}

void channel_statistics(const float* x, float* mean, float* variance, int n, int channels, int pixels, int threads,
                        void* stream) {
  EMU_LAUNCH(channel_statistics_kernel, unsigned(channels), unsigned(threads), 0, stream_of(stream), x, mean, variance,
             n, channels, pixels);
}

void transpose(const float* in, float* out, int rows, int columns, void* stream) {
  launch_transpose<1>(in, out, rows, columns, stream);
}

void transpose_conflicting(const float* in, float* out, int rows, int columns, void* stream) {
  launch_transpose<0>(in, out, rows, columns, stream);
}

void softmax(const float* x, float* y, int rows, int columns, int lanes, void* stream) {
  constexpr int kThreads = 128;
  const int rows_per_block = kThreads / lanes;
  const unsigned blocks = unsigned(rows + rows_per_block - 1) / unsigned(rows_per_block);
  const auto bytes = std::size_t(rows_per_block * columns) * sizeof(float);
  const auto kernel = lanes == 32 ? softmax_kernel<32> : softmax_kernel<8>;
  EMU_LAUNCH(kernel, blocks, kThreads, bytes, stream_of(stream), x, y, rows, columns);
}

void histogram(const unsigned char* x, unsigned* out, int count, void* stream) {
  EMU_LAUNCH(histogram_kernel, 7, 192, 0, stream_of(stream), x, out, count);
}

}  // namespace emu::examples
