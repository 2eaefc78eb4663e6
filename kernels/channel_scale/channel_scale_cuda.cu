#include "kernels/channel_scale/channel_scale.h"
#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/common/cuda/divisor.cuh"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

// Rolled and mirrored rows are rotations of each other, so a warp that covers whole rows touches whole sectors on both
// sides with one value a lane; packs of four would be torn apart by the shift.

constexpr int kThreads = 256;
/// Values of one thread, kThreads apart.
constexpr int kUnroll = 4;

/// Extents of a plane, with divisions by its parts.
struct Plane {
  int h, w, pixels;
  Divisor by_w, by_pixels;

  Plane(dim_t height, dim_t width)
      : h(int(height)), w(int(width)), pixels(int(height * width)), by_w(width), by_pixels(height * width) {}
};

/// The jitter reduced to the image: source pixel (i, k) lands in row (i + dy) mod h and column (k + dx) mod w, mirrored
/// when flip; 0 <= dy < h, 0 <= dx < w.
struct Placement {
  int dy, dx, flip;
};

__device__ __forceinline__ int modulo(int a, int n) {
  const int rest = a % n;
  return rest < 0 ? rest + n : rest;
}

/// Reads the jitter once for the block. All threads call it; `shared` is in shared memory.
__device__ __forceinline__ Placement block_placement(const Jitter* jitter, const Plane& plane, Placement* shared) {
  if (threadIdx.x == 0) *shared = {modulo(jitter->dy, plane.h), modulo(jitter->dx, plane.w), jitter->flip};
  __syncthreads();
  return *shared;
}

/// Where source pixel `p` of a plane lands in it.
__device__ __forceinline__ int landing(const Plane& plane, const Placement& at, int p) {
  const int i = int(plane.by_w.quotient(std::uint32_t(p))), k = p - i * plane.w;
  const int row = i + at.dy < plane.h ? i + at.dy : i + at.dy - plane.h;
  const int column = k + at.dx < plane.w ? k + at.dx : k + at.dx - plane.w;
  return row * plane.w + (at.flip ? plane.w - 1 - column : column);
}

/// Calls f(plane number, source pixel, place) for kUnroll values of this thread below `count`.
template <class F>
__device__ __forceinline__ void for_values(const Plane& plane, dim_t count, const F& f) {
  const dim_t block = dim_t(blockIdx.x) * (kThreads * kUnroll);
  const dim_t first_plane = block / plane.pixels;  // one 64-bit division; the rest fits 32 bits
  const int first = int(block - first_plane * plane.pixels) + int(threadIdx.x);
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    const int at = first + u * kThreads;
    if (block + int(threadIdx.x) + u * kThreads >= count) continue;
    const int skipped = int(plane.by_pixels.quotient(std::uint32_t(at)));
    f(u, first_plane + skipped, at - skipped * plane.pixels);
  }
}

__global__ void __launch_bounds__(kThreads)
    forward_kernel(const float* p, const float* alpha, const Jitter* jitter, float* y, Plane plane, dim_t count) {
  EMU_SHARED(Placement, shared, [1]);
  const Placement at = block_placement(jitter, plane, shared);
  float value[kUnroll];
  for_values(plane, count, [&](int u, dim_t number, int pixel) { value[u] = p[number * plane.pixels + pixel]; });
  for_values(plane, count, [&](int u, dim_t number, int pixel) {
    y[number * plane.pixels + landing(plane, at, pixel)] = alpha[number] * tanhf(value[u]);
  });
}

/// `inverse`: takes the value from where the pixel lands.
__global__ void __launch_bounds__(kThreads)
    roll_flip_kernel(const float* x, const Jitter* jitter, float* y, Plane plane, dim_t count, bool inverse) {
  EMU_SHARED(Placement, shared, [1]);
  const Placement at = block_placement(jitter, plane, shared);
  float value[kUnroll];
  for_values(plane, count, [&](int u, dim_t number, int pixel) {
    value[u] = x[number * plane.pixels + (inverse ? landing(plane, at, pixel) : pixel)];
  });
  for_values(plane, count, [&](int u, dim_t number, int pixel) {
    y[number * plane.pixels + (inverse ? pixel : landing(plane, at, pixel))] = value[u];
  });
}

/// One block a plane, so that grad_alpha needs no second stage.
__global__ void __launch_bounds__(kThreads)
    backward_kernel(const float* p, const float* alphas, const Jitter* jitter, const float* grad_y, float* grad_p,
                    float* grad_alpha, Plane plane) {
  EMU_SHARED(Placement, shared, [1]);
  EMU_SHARED(float, scratch, [kThreads / kWarp]);
  const Placement at = block_placement(jitter, plane, shared);
  const dim_t first = dim_t(blockIdx.x) * plane.pixels;
  const float alpha = alphas[blockIdx.x];
  float sum = 0;
  for (int begin = int(threadIdx.x); begin < plane.pixels; begin += kThreads * kUnroll) {
    float value[kUnroll], gradient[kUnroll];
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int pixel = begin + u * kThreads;
      if (pixel >= plane.pixels) continue;
      value[u] = p[first + pixel];
      gradient[u] = grad_y[first + landing(plane, at, pixel)];
    }
    float part = 0;  // at most kUnroll values, so that long planes keep their digits
#pragma unroll
    for (int u = 0; u < kUnroll; ++u) {
      const int pixel = begin + u * kThreads;
      if (pixel >= plane.pixels) continue;
      const float t = tanhf(value[u]);
      part += gradient[u] * t;
      if (grad_p) grad_p[first + pixel] = gradient[u] * alpha * (1.f - t * t);
    }
    sum += part;
  }
  sum = block_sum<kThreads>(sum, scratch);
  if (grad_alpha && threadIdx.x == 0) grad_alpha[blockIdx.x] = sum;
}

void forward(Stream stream, const ChannelScaleForwardArgs& args) {
  const dim_t count = args.n * args.c * args.h * args.w;
  if (count == 0) return;
  require_32_bit("channel_scale", args.h * args.w + kThreads * kUnroll);
  ENGRAM_LAUNCH(forward_kernel, grid_of(ceil_div(count, kThreads * kUnroll)), kThreads, 0, stream, args.p, args.alpha,
                args.jitter, args.y, Plane(args.h, args.w), count);
}

void backward(Stream stream, const ChannelScaleBackwardArgs& args) {
  if (args.n * args.c * args.h * args.w == 0) return;
  require_32_bit("channel_scale", args.h * args.w + kThreads * kUnroll);
  ENGRAM_LAUNCH(backward_kernel, grid_of(args.n * args.c), kThreads, 0, stream, args.p, args.alpha, args.jitter,
                args.grad_y, args.grad_p, args.grad_alpha, Plane(args.h, args.w));
}

void roll_flip(Stream stream, const RollFlipArgs& args) {
  const dim_t count = args.planes * args.h * args.w;
  if (count == 0) return;
  require_32_bit("roll_flip", args.h * args.w + kThreads * kUnroll);
  ENGRAM_LAUNCH(roll_flip_kernel, grid_of(ceil_div(count, kThreads * kUnroll)), kThreads, 0, stream, args.x,
                args.jitter, args.y, Plane(args.h, args.w), count, args.inverse);
}

}  // namespace

const ChannelScaleKernels kCudaChannelScale = {forward, backward, roll_flip};

}  // namespace engram::kernels
