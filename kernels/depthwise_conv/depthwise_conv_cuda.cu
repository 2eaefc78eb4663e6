#include <algorithm>

#include "kernels/common/cuda/divisor.cuh"
#include "kernels/common/cuda/pack.cuh"
#include "kernels/depthwise_conv/depthwise_conv.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

// A thread owns kWidth neighbouring channels, so that a warp reads whole sectors of the channels-last layout, and a run
// of pixels of one row, over which the weights of a tap are read once.

constexpr int kThreads = 256;
/// Neighbouring pixels of a thread.
constexpr int kRun = 8;

/// A WindowGeometry as kernels take it. "From" is what is read, "to" what is written: x and y, or gy and gx.
struct Geometry {
  int from_h, from_w, to_h, to_w;
  int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
  int block;     ///< channels of a pixel
  int channels;  ///< of all blocks
  Divisor by_packs, by_runs, by_rows, by_blocks, by_stride_h, by_stride_w;

  Geometry(const WindowGeometry& g, const ActivationShape& from, const ActivationShape& to, int width)
      : from_h(int(from.h)),
        from_w(int(from.w)),
        to_h(int(to.h)),
        to_w(int(to.w)),
        kernel_h(int(g.kernel_h)),
        kernel_w(int(g.kernel_w)),
        stride_h(int(g.stride_h)),
        stride_w(int(g.stride_w)),
        pad_h(int(g.pad_h)),
        pad_w(int(g.pad_w)),
        block(int(g.x.block)),
        channels(int(g.x.c)),
        by_packs(g.x.block / width),
        by_runs(ceil_div(to.w, kRun)),
        by_rows(to.h),
        by_blocks(g.x.blocks()),
        by_stride_h(g.stride_h),
        by_stride_w(g.stride_w) {}
};

/// The first pixel of a run, its plane, and the first channel: within the block, and of all.
struct Place {
  int plane, row, column, lane, channel;
};

template <int kWidth>
__device__ __forceinline__ Place place(const Geometry& g, int i) {
  const int run = int(g.by_packs.quotient(std::uint32_t(i)));
  const int line = int(g.by_runs.quotient(std::uint32_t(run)));
  const int plane = int(g.by_rows.quotient(std::uint32_t(line)));
  const int image = int(g.by_blocks.quotient(std::uint32_t(plane)));
  const int lane = (i - run * int(g.by_packs.divisor())) * kWidth;
  return {plane, line - plane * g.to_h, (run - line * int(g.by_runs.divisor())) * kRun, lane,
          (plane - image * int(g.by_blocks.divisor())) * g.block + lane};
}

/// Weights of tap `tap` of kWidth channels.
template <int kWidth>
__device__ __forceinline__ Pack<kWidth> tap_weights(const float* weight, int channel, int taps, int tap) {
  Pack<kWidth> w;
  for_lanes<kWidth>([&](int k) { w.v[k] = weight[dim_t(channel + k) * taps + tap]; });
  return w;
}

template <int kWidth>
__device__ __forceinline__ void add_product(Pack<kWidth>& sum, const Pack<kWidth>& w, const float* from) {
  const Pack<kWidth> value = load<kWidth>(from);
  for_lanes<kWidth>([&](int k) { sum.v[k] += w.v[k] * value.v[k]; });
}

/// Where tap `k` of position `o` reads; with kAdjoint, which output reads `o` by tap `k`. Outside of the extents or,
/// with kAdjoint, between two outputs: -1.
template <bool kAdjoint>
__device__ __forceinline__ int source(int o, int k, int stride, int pad, const Divisor& by_stride, int extent) {
  if (!kAdjoint) {
    const int i = o * stride - pad + k;
    return i < extent ? i : -1;
  }
  const int reach = o + pad - k;
  if (reach < 0) return -1;
  const int i = int(by_stride.quotient(std::uint32_t(reach)));
  return i * stride == reach && i < extent ? i : -1;
}

/// The convolution, or with kAdjoint its data gradient: each pixel of the result gathers what it takes.
template <int kWidth, bool kAdjoint>
__global__ void __launch_bounds__(kThreads, 2) depthwise_kernel(Geometry g, const float* from, const float* weight,
                                                                const float* bias, bool relu, float* to, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  const Place at = place<kWidth>(g, i);
  const int taps = g.kernel_h * g.kernel_w, run = min(kRun, g.to_w - at.column);
  const float* plane = from + dim_t(at.plane) * g.from_h * g.from_w * g.block + at.lane;
  Pack<kWidth> sum[kRun] = {};
  for (int kh = 0; kh < g.kernel_h; ++kh) {
    const int row = source<kAdjoint>(at.row, kh, g.stride_h, g.pad_h, g.by_stride_h, g.from_h);
    if (row < 0) continue;
    for (int kw = 0; kw < g.kernel_w; ++kw) {
      const Pack<kWidth> w = tap_weights<kWidth>(weight, at.channel, taps, kh * g.kernel_w + kw);
#pragma unroll
      for (int r = 0; r < kRun; ++r) {
        if (r >= run) continue;
        const int column = source<kAdjoint>(at.column + r, kw, g.stride_w, g.pad_w, g.by_stride_w, g.from_w);
        if (column >= 0) add_product(sum[r], w, plane + (dim_t(row) * g.from_w + column) * g.block);
      }
    }
  }
  Pack<kWidth> start = {};
  if (bias) for_lanes<kWidth>([&](int k) { start.v[k] = bias[at.channel + k]; });
  float* const out = to + ((dim_t(at.plane) * g.to_h + at.row) * g.to_w + at.column) * g.block + at.lane;
#pragma unroll
  for (int r = 0; r < kRun; ++r) {
    if (r >= run) continue;
    for_lanes<kWidth>([&](int k) {
      const float v = sum[r].v[k] + start.v[k];
      sum[r].v[k] = relu && !(v > 0) ? 0.f : v;
    });
    store(out + dim_t(r) * g.block, sum[r]);
  }
}

// The weight gradient: a block sums a chunk of the output's rows for kTilePacks packs of channels and up to kTapGroup
// taps; a second kernel adds the chunks.

constexpr int kTilePacks = 8, kTapGroup = 9, kWarps = kThreads / kWarp;
/// Threads of a block that share a pack, and rows of the output (of one plane) that each of them sums.
constexpr int kLines = kThreads / kTilePacks, kRowsALine = 4;

/// Where a block's rows come from.
struct GradientGeometry {
  Geometry g;  ///< from: x, to: y
  int packs;   ///< of all channels
  Divisor by_out_h;
};

template <int kWidth>
__global__ void __launch_bounds__(kThreads, 2)
    depthwise_weight_gradient_kernel(GradientGeometry q, const float* x, const float* gy, float* partial, int rows) {
  EMU_SHARED(float, warp_sums, [kTapGroup][kWarps][kTilePacks * kWidth]);
  const Geometry& g = q.g;
  const int taps = g.kernel_h * g.kernel_w, first_tap = int(blockIdx.y) * kTapGroup;
  const int tap_count = min(kTapGroup, taps - first_tap);
  const int slot = int(threadIdx.x) % kTilePacks, line = int(threadIdx.x) / kTilePacks;
  const int pack = int(blockIdx.z) * kTilePacks + slot;
  const int channel = pack * kWidth, block_index = channel / g.block, lane = channel - block_index * g.block;
  const int blocks = int(g.by_blocks.divisor());
  Pack<kWidth> sum[kTapGroup] = {};
  for (int step = 0; step < kRowsALine; ++step) {
    const int row = (int(blockIdx.x) * kRowsALine + step) * kLines + line;  // of all images
    if (row >= rows || pack >= q.packs) continue;
    const int image = int(q.by_out_h.quotient(std::uint32_t(row))), oh = row - image * g.to_h;
    const dim_t plane = dim_t(image) * blocks + block_index;
    const float* in = x + plane * g.from_h * g.from_w * g.block + lane;
    const float* gradient = gy + (plane * g.to_h + oh) * g.to_w * g.block + lane;
    for (int ow = 0; ow < g.to_w; ++ow) {
      const Pack<kWidth> d = load<kWidth>(gradient + dim_t(ow) * g.block);
#pragma unroll
      for (int t = 0; t < kTapGroup; ++t) {
        const int kh = (first_tap + t) / g.kernel_w, kw = first_tap + t - kh * g.kernel_w;
        const int h = oh * g.stride_h - g.pad_h + kh, w = ow * g.stride_w - g.pad_w + kw;
        if (t >= tap_count || h < 0 || h >= g.from_h || w < 0 || w >= g.from_w) continue;
        add_product(sum[t], d, in + (dim_t(h) * g.from_w + w) * g.block);
      }
    }
  }
  const int warp = int(threadIdx.x) / kWarp, warp_lane = int(threadIdx.x) % kWarp;
#pragma unroll
  for (int t = 0; t < kTapGroup; ++t)
    for_lanes<kWidth>([&](int k) {
      float v = sum[t].v[k];
#pragma unroll
      for (int offset = kTilePacks; offset < kWarp; offset *= 2) v += __shfl_xor_sync(kFullMask, v, offset);
      if (warp_lane < kTilePacks) warp_sums[t][warp][slot * kWidth + k] = v;
    });
  __syncthreads();
  for (int i = int(threadIdx.x); i < tap_count * kTilePacks * kWidth; i += kThreads) {
    const int c = i / tap_count, t = i - c * tap_count, of_all = int(blockIdx.z) * kTilePacks * kWidth + c;
    if (of_all >= g.channels) continue;
    float total = 0;
#pragma unroll
    for (int from = 0; from < kWarps; ++from) total += warp_sums[t][from][c];
    partial[(dim_t(blockIdx.x) * g.channels + of_all) * taps + first_tap + t] = total;
  }
}

/// gw[i] = the sum of the chunks' values, in double.
__global__ void __launch_bounds__(kThreads)
    depthwise_sum_chunks_kernel(const float* partial, float* gw, int chunks, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  double total = 0;
  for (int chunk = 0; chunk < chunks; ++chunk) total += double(partial[dim_t(chunk) * count + i]);
  gw[i] = float(total);
}

/// Calls `launch.template operator()<kWidth>()` with packs of four where the block and the operands allow.
template <class Launch, class... Pointers>
void with_width(const WindowGeometry& g, const Launch& launch, Pointers... pointers) {
  require_32_bit("depthwise_conv", std::max(g.x.count(), g.y().count()));
  if (g.x.block % 4 == 0 && aligned16(pointers...)) {
    launch.template operator()<4>();
  } else {
    launch.template operator()<1>();
  }
}

/// Threads of one pass over `to`.
int thread_count(const ActivationShape& to, int width) {
  return int(to.n * to.blocks() * to.h * ceil_div(to.w, kRun) * (to.block / width));
}

dim3 grid(int count) {
  return grid_of(ceil_div(count, kThreads));
}

void forward(Stream stream, const DepthwiseForwardArgs& a) {
  const WindowGeometry& d = a.geometry;
  if (d.y().count() == 0) return;
  with_width(
      d,
      [&]<int kWidth>() {
        const int count = thread_count(d.y(), kWidth);
        ENGRAM_LAUNCH((depthwise_kernel<kWidth, false>), grid(count), kThreads, 0, stream,
                      Geometry(d, d.x, d.y(), kWidth), a.x, a.weight, a.bias, a.relu, a.y, count);
      },
      a.x, a.y);
}

void data_gradient(Stream stream, const DepthwiseDataGradientArgs& a) {
  const WindowGeometry& d = a.geometry;
  if (d.x.count() == 0) return;
  const float* const no_bias = nullptr;
  with_width(
      d,
      [&]<int kWidth>() {
        const int count = thread_count(d.x, kWidth);
        ENGRAM_LAUNCH((depthwise_kernel<kWidth, true>), grid(count), kThreads, 0, stream,
                      Geometry(d, d.y(), d.x, kWidth), a.gy, a.weight, no_bias, false, a.gx, count);
      },
      a.gy, a.gx);
}

dim_t chunks(const WindowGeometry& g) {
  return std::max<dim_t>(1, ceil_div(g.x.n * g.out_h(), dim_t{kLines} * kRowsALine));
}

std::size_t workspace_bytes(const WindowGeometry& g) {
  return std::size_t(chunks(g) * depthwise_weight_count(g)) * sizeof(float);
}

void weight_gradient(Stream stream, const DepthwiseWeightGradientArgs& a) {
  const WindowGeometry& d = a.geometry;
  if (depthwise_weight_count(d) == 0) return;
  auto* const partial = static_cast<float*>(a.workspace);
  const int rows = int(d.x.n * d.out_h()), num_chunks = int(chunks(d)), count = int(depthwise_weight_count(d));
  with_width(
      d,
      [&]<int kWidth>() {
        const int packs = int(d.x.c / kWidth);
        const GradientGeometry q{Geometry(d, d.x, d.y(), kWidth), packs, Divisor(d.out_h())};
        const dim3 blocks(unsigned(num_chunks), unsigned(ceil_div(d.taps(), kTapGroup)),
                          unsigned(ceil_div(packs, kTilePacks)));
        ENGRAM_LAUNCH(depthwise_weight_gradient_kernel<kWidth>, blocks, kThreads, 0, stream, q, a.x, a.gy, partial,
                      rows);
      },
      a.x, a.gy);
  ENGRAM_LAUNCH(depthwise_sum_chunks_kernel, grid(count), kThreads, 0, stream, partial, a.gw, num_chunks, count);
}

}  // namespace

const DepthwiseConvKernels kCudaDepthwiseConv = {forward, data_gradient, weight_gradient, workspace_bytes};

}  // namespace engram::kernels
