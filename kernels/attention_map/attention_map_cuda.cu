#include <algorithm>

#include "kernels/attention_map/attention_map.h"
#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/common/cuda/pack.cuh"
#include "kernels/common/error.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

/// A block takes an image: its map must be complete before it has a length.
constexpr int kThreads = 512;
/// Positions of a map that is staged in shared memory (32 KB in the backward pass); larger maps are kept in the output,
/// or computed again for every channel.
constexpr int kMostStaged = 4096;

/// An image's physical form and how its threads share it. Planar (block 1): `lanes` threads walk the positions of a
/// plane, and kThreads / lanes slices of threads take a channel each in turn. Channels-last (block c): `lanes` threads
/// walk the channels of a position.
struct Shares {
  int pixels, channels;
  int lanes;  ///< a power of two
  int power;
  bool planar, staged, packs;
  float eps;

  __device__ int slices() const { return kThreads / lanes; }
  std::size_t shared_bytes() const {
    if (!staged) return 0;
    const int slices = planar ? kThreads / lanes : 1;
    return std::size_t(slices) * std::size_t(pixels) * sizeof(float);
  }
};

template <class Args, class... Pointers>
Shares shares(const Args& args, Pointers... pointers) {
  const ActivationShape& s = args.shape;
  require_32_bit("attention_map", s.c * s.pixels());
  Shares r = {};
  r.pixels = int(s.pixels());
  r.channels = int(s.c);
  r.power = args.power;
  r.eps = args.eps;
  r.planar = s.block == 1;
  if (!r.planar && s.block != s.c)
    throw UsageError(message("[attention_map] expected planar or channels-last activations, got blocks of ", s.block));
  r.staged = r.pixels <= kMostStaged;
  r.packs = (r.planar ? r.pixels : r.channels) % 4 == 0 && aligned16(pointers...);
  const int walked = (r.planar ? r.pixels : r.channels) / (r.packs ? 4 : 1), most = r.planar ? kThreads : kWarp;
  for (r.lanes = 1; r.lanes < std::min(walked, most);) r.lanes *= 2;
  if (!r.staged && r.planar) r.lanes = kThreads;  // one slice: sums go to the output
  return r;
}

/// |v|^power.
__device__ __forceinline__ float strength(float v, int power) {
  const float size = fabsf(v);
  float result = size;
  for (int i = 1; i < power; ++i) result *= size;
  return result;
}

/// |v|^(power - 1) sign(v).
__device__ __forceinline__ float slope(float v, int power) {
  if (power == 1) return float(int(v > 0.f) - int(v < 0.f));
  float result = v;
  for (int i = 2; i < power; ++i) result *= fabsf(v);
  return result;
}

/// Each slice's sums over its channels to `sums` [slices][pixels].
template <int kWidth>
__device__ __forceinline__ void add_planar(const Shares& r, const float* x, float* sums) {
  const int lane = int(threadIdx.x) & (r.lanes - 1), slice = int(threadIdx.x) / r.lanes, slices = r.slices();
  for (int at = lane * kWidth; at < r.pixels; at += r.lanes * kWidth) {
    Pack<kWidth> sum = {};
    for (int c = slice; c < r.channels; c += slices) {
      const Pack<kWidth> v = load<kWidth>(x + dim_t(c) * r.pixels + at);
      for_lanes<kWidth>([&](int j) { sum.v[j] += strength(v.v[j], r.power); });
    }
    store(sums + slice * r.pixels + at, sum);
  }
}

/// The positions' sums to `sums` [pixels].
template <int kWidth>
__device__ __forceinline__ void add_channels_last(const Shares& r, const float* x, float* sums) {
  const int lane = int(threadIdx.x) & (r.lanes - 1), group = int(threadIdx.x) / r.lanes, groups = r.slices();
  const int rounds = (r.pixels + groups - 1) / groups;
  for (int round = 0; round < rounds; ++round) {
    const int pixel = round * groups + group;
    float sum = 0.f;
    for (int c = lane * kWidth; pixel < r.pixels && c < r.channels; c += r.lanes * kWidth) {
      const Pack<kWidth> v = load<kWidth>(x + dim_t(pixel) * r.channels + c);
      for_lanes<kWidth>([&](int j) { sum += strength(v.v[j], r.power); });
    }
    for (int offset = r.lanes / 2; offset > 0; offset /= 2) sum += __shfl_xor_sync(kFullMask, sum, offset);
    if (lane == 0 && pixel < r.pixels) sums[pixel] = sum;
  }
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads) forward_kernel(Shares r, const float* x, float* map, float* norm) {
  EMU_DYNAMIC_SHARED(float, shared);
  EMU_SHARED(double, scratch, [kThreads / kWarp]);
  const int n = int(blockIdx.x), slices = r.planar ? r.slices() : 1;
  float* of_image = map + dim_t(n) * r.pixels;
  float* sums = r.staged ? shared : of_image;
  const float* image = x + dim_t(n) * r.channels * r.pixels;
  if (r.planar) {
    add_planar<kWidth>(r, image, sums);
  } else {
    add_channels_last<kWidth>(r, image, sums);
  }
  __syncthreads();
  const float inverse_channels = 1.f / float(r.channels);
  float own = 0.f;
  for (int i = int(threadIdx.x); i < r.pixels; i += kThreads) {
    float q = 0.f;
    for (int s = 0; s < slices; ++s) q += sums[s * r.pixels + i];
    q *= inverse_channels;
    sums[i] = q;  // this thread's own place: no other reads it
    own += q * q;
  }
  const float length = float(sqrt(block_sum<kThreads>(double(own), scratch)));
  if (threadIdx.x == 0) norm[n] = length;
  const float scale = 1.f / (length < r.eps ? r.eps : length);  // a NaN stays
  for (int i = int(threadIdx.x); i < r.pixels; i += kThreads) of_image[i] = sums[i] * scale;
}

/// The gradient to q of a position, with the factors of the strength's derivative: from `staged`, or computed.
struct MapGradient {
  const float *staged, *map, *g;
  float scale, along;

  __device__ __forceinline__ float computed(int i) const { return scale * (g[i] - along * map[i]); }
  template <int kWidth>
  __device__ __forceinline__ Pack<kWidth> values(int i) const {
    if (staged) return load<kWidth>(staged + i);
    Pack<kWidth> q;
    for_lanes<kWidth>([&](int j) { q.v[j] = computed(i + j); });
    return q;
  }
};

template <int kWidth>
__device__ __forceinline__ void planar_gradient(const Shares& r, const float* x, const MapGradient& m, float* grad_x) {
  const int lane = int(threadIdx.x) & (r.lanes - 1), slice = int(threadIdx.x) / r.lanes, slices = r.slices();
  for (int at = lane * kWidth; at < r.pixels; at += r.lanes * kWidth) {
    const Pack<kWidth> q = m.values<kWidth>(at);
    for (int c = slice; c < r.channels; c += slices) {
      const dim_t place = dim_t(c) * r.pixels + at;
      Pack<kWidth> v = load<kWidth>(x + place);
      for_lanes<kWidth>([&](int j) { v.v[j] = q.v[j] * slope(v.v[j], r.power); });
      store(grad_x + place, v);
    }
  }
}

template <int kWidth>
__device__ __forceinline__ void channels_last_gradient(const Shares& r, const float* x, const MapGradient& m,
                                                       float* grad_x) {
  const int lane = int(threadIdx.x) & (r.lanes - 1), group = int(threadIdx.x) / r.lanes, groups = r.slices();
  for (int pixel = group; pixel < r.pixels; pixel += groups) {
    const float q = m.values<1>(pixel).v[0];
    for (int c = lane * kWidth; c < r.channels; c += r.lanes * kWidth) {
      const dim_t place = dim_t(pixel) * r.channels + c;
      Pack<kWidth> v = load<kWidth>(x + place);
      for_lanes<kWidth>([&](int j) { v.v[j] = q * slope(v.v[j], r.power); });
      store(grad_x + place, v);
    }
  }
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads) backward_kernel(Shares r, const float* x, const float* map,
                                                            const float* norm, const float* grad_map, float* grad_x) {
  EMU_DYNAMIC_SHARED(float, shared);
  EMU_SHARED(double, scratch, [kThreads / kWarp]);
  const int n = int(blockIdx.x);
  const dim_t first = dim_t(n) * r.channels * r.pixels;
  MapGradient m = {nullptr, map + dim_t(n) * r.pixels, grad_map + dim_t(n) * r.pixels, 0.f, 0.f};
  float own = 0.f;
  for (int i = int(threadIdx.x); i < r.pixels; i += kThreads) {
    const float g = m.g[i], u = m.map[i];
    if (r.staged) {  // both are read once, for the sum and for the gradient
      shared[i] = g;
      shared[r.pixels + i] = u;
    }
    own += g * u;
  }
  const float length = norm[n], along = float(block_sum<kThreads>(double(own), scratch));
  m.along = length > r.eps ? along : 0.f;
  m.scale = float(r.power) / (float(r.channels) * (length < r.eps ? r.eps : length));
  if (r.staged) {
    for (int i = int(threadIdx.x); i < r.pixels; i += kThreads)
      shared[i] = m.scale * (shared[i] - m.along * shared[r.pixels + i]);
    __syncthreads();
    m.staged = shared;
  }
  if (r.planar) {
    planar_gradient<kWidth>(r, x + first, m, grad_x + first);
  } else {
    channels_last_gradient<kWidth>(r, x + first, m, grad_x + first);
  }
}

void forward(Stream stream, const AttentionMapForwardArgs& args) {
  if (args.shape.n == 0) return;
  const Shares r = shares(args, args.x, args.map);
  if (r.packs) {
    ENGRAM_LAUNCH(forward_kernel<4>, grid_of(args.shape.n), kThreads, r.shared_bytes(), stream, r, args.x, args.map,
                  args.norm);
  } else {
    ENGRAM_LAUNCH(forward_kernel<1>, grid_of(args.shape.n), kThreads, r.shared_bytes(), stream, r, args.x, args.map,
                  args.norm);
  }
}

void backward(Stream stream, const AttentionMapBackwardArgs& args) {
  if (args.shape.n == 0) return;
  const Shares r = shares(args, args.x, args.grad_x);
  const std::size_t shared_bytes = r.staged ? 2 * std::size_t(r.pixels) * sizeof(float) : 0;
  if (r.packs) {
    ENGRAM_LAUNCH(backward_kernel<4>, grid_of(args.shape.n), kThreads, shared_bytes, stream, r, args.x, args.map,
                  args.norm, args.grad_map, args.grad_x);
  } else {
    ENGRAM_LAUNCH(backward_kernel<1>, grid_of(args.shape.n), kThreads, shared_bytes, stream, r, args.x, args.map,
                  args.norm, args.grad_map, args.grad_x);
  }
}

}  // namespace

const AttentionMapKernels kCudaAttentionMap = {forward, backward};

}  // namespace engram::kernels
