#include "kernels/common/cuda/divisor.cuh"
#include "kernels/common/cuda/pack.cuh"
#include "kernels/resample/resample.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

constexpr int kThreads = 256;

/// The small side of a scaling, in packs: [lines, width, packs]; a line of it is `factor` lines of the large side.
struct Scaling {
  int factor, packs;
  Divisor by_packs, by_width;

  Scaling(const ActivationShape& x, dim_t f, int width)
      : factor(int(f)), packs(int(x.block) / width), by_packs(packs), by_width(x.w) {}

  /// Offset, in packs, of the first large pixel of small pack i, and the packs of a large line.
  __device__ __forceinline__ dim_t large_offset(int i) const {
    const int pixel = int(by_packs.quotient(std::uint32_t(i))), pack = i - pixel * packs;
    const int line = int(by_width.quotient(std::uint32_t(pixel))), column = pixel - line * int(by_width.divisor());
    return dim_t(line) * factor * large_line() + dim_t(column) * factor * packs + pack;
  }
  __device__ __forceinline__ dim_t large_line() const { return dim_t(by_width.divisor()) * factor * packs; }
};

/// One small pack a thread: its copies are the squares of large pixels.
template <int kWidth>
__global__ void __launch_bounds__(kThreads) widen_kernel(Scaling s, const float* x, float* y, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  const Pack<kWidth> value = load<kWidth>(x + dim_t(i) * kWidth);
  const dim_t first = s.large_offset(i), line = s.large_line();
  for (int row = 0; row < s.factor; ++row)
    for (int column = 0; column < s.factor; ++column)
      store(y + (first + row * line + dim_t(column) * s.packs) * kWidth, value);
}

/// The adjoint: sums in row-major order.
template <int kWidth>
__global__ void __launch_bounds__(kThreads, 4) fold_kernel(Scaling s, const float* dy, float* dx, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  const dim_t first = s.large_offset(i), line = s.large_line();
  Pack<kWidth> sum = {};
  for (int row = 0; row < s.factor; ++row) {
    for (int column = 0; column < s.factor; ++column) {
      const Pack<kWidth> value = load<kWidth>(dy + (first + row * line + dim_t(column) * s.packs) * kWidth);
      for_lanes<kWidth>([&](int k) { sum.v[k] += value.v[k]; });
    }
  }
  store(dx + dim_t(i) * kWidth, sum);
}

/// Planar rows: one large element a thread, so that a warp writes whole sectors.
__global__ void __launch_bounds__(kThreads)
    widen_rows_kernel(Divisor by_factor, Divisor by_large_width, const float* x, float* y, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  const int line = int(by_large_width.quotient(std::uint32_t(i)));
  const int column = i - line * int(by_large_width.divisor());
  const int width = int(by_factor.quotient(by_large_width.divisor()));
  y[i] = x[dim_t(by_factor.quotient(std::uint32_t(line))) * width + int(by_factor.quotient(std::uint32_t(column)))];
}

template <int kWidth>
void launch_widen(Stream stream, const UpsampleNearestArgs& a) {
  const int count = int(a.x_shape.count()) / kWidth;
  ENGRAM_LAUNCH(widen_kernel<kWidth>, grid_of(ceil_div(count, kThreads)), kThreads, 0, stream,
                Scaling(a.x_shape, a.factor, kWidth), a.x, a.y, count);
}

template <int kWidth>
void launch_fold(Stream stream, const UpsampleNearestBackwardArgs& a) {
  const int count = int(a.x_shape.count()) / kWidth;
  ENGRAM_LAUNCH(fold_kernel<kWidth>, grid_of(ceil_div(count, kThreads)), kThreads, 0, stream,
                Scaling(a.x_shape, a.factor, kWidth), a.dy, a.dx, count);
}

void upsample_nearest(Stream stream, const UpsampleNearestArgs& a) {
  if (a.x_shape.count() == 0) return;
  const dim_t outputs = a.x_shape.count() * a.factor * a.factor;
  require_32_bit("upsample_nearest", outputs);
  if (a.x_shape.block == 1) {
    ENGRAM_LAUNCH(widen_rows_kernel, grid_of(ceil_div(outputs, kThreads)), kThreads, 0, stream, Divisor(a.factor),
                  Divisor(a.x_shape.w * a.factor), a.x, a.y, int(outputs));
  } else if (a.x_shape.block % 4 == 0 && aligned16(a.x, a.y)) {
    launch_widen<4>(stream, a);
  } else {
    launch_widen<1>(stream, a);
  }
}

void upsample_nearest_backward(Stream stream, const UpsampleNearestBackwardArgs& a) {
  if (a.x_shape.count() == 0) return;
  require_32_bit("upsample_nearest", a.x_shape.count() * a.factor * a.factor);
  if (a.x_shape.block % 4 == 0 && aligned16(a.dy, a.dx)) {
    launch_fold<4>(stream, a);
  } else {
    launch_fold<1>(stream, a);
  }
}

}  // namespace

const ResampleKernels kCudaResample = {upsample_nearest, upsample_nearest_backward};

}  // namespace engram::kernels
