#include <algorithm>

#include "kernels/common/cuda/divisor.cuh"
#include "kernels/common/cuda/pack.cuh"
#include "kernels/pool/global_pool_cuda.cuh"
#include "kernels/pool/pool.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

// A thread owns kWidth neighbouring channels of one pixel, so that a warp reads whole sectors of the channels-last
// layout, and gathers what it needs: no atomics, and sums in the row-major order of the windows.

constexpr int kThreads = 256;

/// A WindowGeometry as kernels take it.
struct Geometry {
  int h, w, out_h, out_w;
  int kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w;
  int block;  ///< channels of a pixel
  int packs;  ///< packs of a pixel
  bool count_padding;
  Divisor by_packs, by_w, by_h, by_out_w, by_out_h;

  Geometry(const WindowGeometry& g, int width, bool padding)
      : h(int(g.x.h)),
        w(int(g.x.w)),
        out_h(int(g.out_h())),
        out_w(int(g.out_w())),
        kernel_h(int(g.kernel_h)),
        kernel_w(int(g.kernel_w)),
        stride_h(int(g.stride_h)),
        stride_w(int(g.stride_w)),
        pad_h(int(g.pad_h)),
        pad_w(int(g.pad_w)),
        block(int(g.x.block)),
        packs(int(g.x.block) / width),
        count_padding(padding),
        by_packs(packs),
        by_w(w),
        by_h(h),
        by_out_w(out_w),
        by_out_h(out_h) {}
};

/// The rows or columns of the input that window `o` covers.
struct Range {
  int begin, end;
};

__device__ __forceinline__ Range covered(int o, int stride, int pad, int kernel, int extent) {
  const int first = o * stride - pad;
  return {max(0, first), min(extent, first + kernel)};
}

/// The windows that cover position `i`.
__device__ __forceinline__ Range covering(int i, int stride, int pad, int kernel, int outputs) {
  const int reach = i + pad - kernel;  // the first window that covers i begins after it
  return {reach < 0 ? 0 : reach / stride + 1, min(outputs, (i + pad) / stride + 1)};
}

/// A pack of a thread: plane, row, column, and the first channel within the pixel.
struct Place {
  int plane, row, column, channel;
};

template <int kWidth>
__device__ __forceinline__ Place place(int i, const Divisor& by_packs, const Divisor& by_w, const Divisor& by_h) {
  const int pixel = int(by_packs.quotient(std::uint32_t(i)));
  const int line = int(by_w.quotient(std::uint32_t(pixel))), plane = int(by_h.quotient(std::uint32_t(line)));
  return {plane, line - plane * int(by_h.divisor()), pixel - line * int(by_w.divisor()),
          (i - pixel * int(by_packs.divisor())) * kWidth};
}

/// Offset of pixel (row, column) of a plane of `w` columns, at the place's channel.
__device__ __forceinline__ dim_t offset(const Geometry& g, const Place& at, int h, int w, int row, int column) {
  return ((dim_t(at.plane) * h + row) * w + column) * g.block + at.channel;
}

template <int kWidth>
__device__ __forceinline__ Place output_place(const Geometry& g, int i) {
  return place<kWidth>(i, g.by_packs, g.by_out_w, g.by_out_h);
}
template <int kWidth>
__device__ __forceinline__ Place input_place(const Geometry& g, int i) {
  return place<kWidth>(i, g.by_packs, g.by_w, g.by_h);
}

/// kWidth neighbouring positions.
template <int kWidth>
struct Positions {
  std::int32_t v[kWidth];
};

template <int kWidth>
__device__ __forceinline__ Positions<kWidth> load_positions(const std::int32_t* p) {
  Positions<kWidth> r;
  if constexpr (kWidth == 4) {
    const int4 q = *reinterpret_cast<const int4*>(p);
    r.v[0] = q.x, r.v[1] = q.y, r.v[2] = q.z, r.v[3] = q.w;
  } else {
    r.v[0] = *p;
  }
  return r;
}

template <int kWidth>
__device__ __forceinline__ void store_positions(std::int32_t* p, const Positions<kWidth>& v) {
  if constexpr (kWidth == 4) {
    *reinterpret_cast<int4*>(p) = make_int4(v.v[0], v.v[1], v.v[2], v.v[3]);
  } else {
    *p = v.v[0];
  }
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads, 4)
    max_pool_kernel(Geometry g, const float* x, float* y, std::int32_t* index, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  const Place at = output_place<kWidth>(g, i);
  const Range rows = covered(at.row, g.stride_h, g.pad_h, g.kernel_h, g.h);
  const Range columns = covered(at.column, g.stride_w, g.pad_w, g.kernel_w, g.w);
  Pack<kWidth> best = {};
  Positions<kWidth> winner = {};
  for (int row = rows.begin; row < rows.end; ++row) {
    for (int column = columns.begin; column < columns.end; ++column) {
      const Pack<kWidth> value = load<kWidth>(x + offset(g, at, g.h, g.w, row, column));
      const int position = row * g.w + column;
      const bool first = row == rows.begin && column == columns.begin;
      for_lanes<kWidth>([&](int k) {
        const float v = value.v[k], b = best.v[k];
        if (!(first || v > b || (v != v && b == b))) return;
        best.v[k] = v;
        winner.v[k] = position;
      });
    }
  }
  const dim_t to = offset(g, at, g.out_h, g.out_w, at.row, at.column);
  store(y + to, best);
  if (index) store_positions(index + to, winner);
}

/// dx of one input pixel: from the windows that cover it.
template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    max_pool_backward_kernel(Geometry g, const float* dy, const std::int32_t* index, float* dx, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  const Place at = input_place<kWidth>(g, i);
  const Range rows = covering(at.row, g.stride_h, g.pad_h, g.kernel_h, g.out_h);
  const Range columns = covering(at.column, g.stride_w, g.pad_w, g.kernel_w, g.out_w);
  const int position = at.row * g.w + at.column;
  Pack<kWidth> sum = {};
  for (int row = rows.begin; row < rows.end; ++row) {
    for (int column = columns.begin; column < columns.end; ++column) {
      const dim_t from = offset(g, at, g.out_h, g.out_w, row, column);
      const Positions<kWidth> winner = load_positions<kWidth>(index + from);
      const Pack<kWidth> gradient = load<kWidth>(dy + from);
      for_lanes<kWidth>([&](int k) { sum.v[k] += winner.v[k] == position ? gradient.v[k] : 0.f; });
    }
  }
  store(dx + offset(g, at, g.h, g.w, at.row, at.column), sum);
}

/// The same where the windows tile the input: one thread a window writes all its pixels, so dy is read once.
template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    max_pool_spread_kernel(Geometry g, const float* dy, const std::int32_t* index, float* dx, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  const Place at = output_place<kWidth>(g, i);
  const dim_t from = offset(g, at, g.out_h, g.out_w, at.row, at.column);
  const Positions<kWidth> winner = load_positions<kWidth>(index + from);
  const Pack<kWidth> gradient = load<kWidth>(dy + from);
  for (int row = at.row * g.kernel_h; row < (at.row + 1) * g.kernel_h; ++row) {
    for (int column = at.column * g.kernel_w; column < (at.column + 1) * g.kernel_w; ++column) {
      Pack<kWidth> result;
      for_lanes<kWidth>([&](int k) { result.v[k] = winner.v[k] == row * g.w + column ? gradient.v[k] : 0.f; });
      store(dx + offset(g, at, g.h, g.w, row, column), result);
    }
  }
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    gather_kernel(Geometry g, const float* x, const std::int32_t* index, float* y, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  const Place at = output_place<kWidth>(g, i);
  const dim_t to = offset(g, at, g.out_h, g.out_w, at.row, at.column);
  const Positions<kWidth> from = load_positions<kWidth>(index + to);
  const float* plane = x + offset(g, at, g.h, g.w, 0, 0);
  Pack<kWidth> result;
  for_lanes<kWidth>([&](int k) { result.v[k] = plane[dim_t(from.v[k]) * g.block + k]; });
  store(y + to, result);
}

/// 1 / divisor of the window over the rows and columns.
__device__ __forceinline__ float window_scale(const Geometry& g, Range rows, Range columns) {
  return 1.f /
         float(g.count_padding ? g.kernel_h * g.kernel_w : (rows.end - rows.begin) * (columns.end - columns.begin));
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads) avg_pool_kernel(Geometry g, const float* x, float* y, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  const Place at = output_place<kWidth>(g, i);
  const Range rows = covered(at.row, g.stride_h, g.pad_h, g.kernel_h, g.h);
  const Range columns = covered(at.column, g.stride_w, g.pad_w, g.kernel_w, g.w);
  Pack<kWidth> sum = {};
  for (int row = rows.begin; row < rows.end; ++row) {
    for (int column = columns.begin; column < columns.end; ++column) {
      const Pack<kWidth> value = load<kWidth>(x + offset(g, at, g.h, g.w, row, column));
      for_lanes<kWidth>([&](int k) { sum.v[k] += value.v[k]; });
    }
  }
  const float scale = window_scale(g, rows, columns);
  for_lanes<kWidth>([&](int k) { sum.v[k] *= scale; });
  store(y + offset(g, at, g.out_h, g.out_w, at.row, at.column), sum);
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    avg_pool_backward_kernel(Geometry g, const float* dy, float* dx, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  const Place at = input_place<kWidth>(g, i);
  const Range rows = covering(at.row, g.stride_h, g.pad_h, g.kernel_h, g.out_h);
  const Range columns = covering(at.column, g.stride_w, g.pad_w, g.kernel_w, g.out_w);
  Pack<kWidth> sum = {};
  for (int row = rows.begin; row < rows.end; ++row) {
    for (int column = columns.begin; column < columns.end; ++column) {
      const float scale = window_scale(g, covered(row, g.stride_h, g.pad_h, g.kernel_h, g.h),
                                       covered(column, g.stride_w, g.pad_w, g.kernel_w, g.w));
      const Pack<kWidth> gradient = load<kWidth>(dy + offset(g, at, g.out_h, g.out_w, row, column));
      for_lanes<kWidth>([&](int k) { sum.v[k] += gradient.v[k] * scale; });
    }
  }
  store(dx + offset(g, at, g.h, g.w, at.row, at.column), sum);
}

/// As max_pool_spread_kernel.
template <int kWidth>
__global__ void __launch_bounds__(kThreads) avg_pool_spread_kernel(Geometry g, const float* dy, float* dx, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  const Place at = output_place<kWidth>(g, i);
  const float scale = 1.f / float(g.kernel_h * g.kernel_w);
  Pack<kWidth> gradient = load<kWidth>(dy + offset(g, at, g.out_h, g.out_w, at.row, at.column));
  for_lanes<kWidth>([&](int k) { gradient.v[k] *= scale; });
  for (int row = at.row * g.kernel_h; row < (at.row + 1) * g.kernel_h; ++row)
    for (int column = at.column * g.kernel_w; column < (at.column + 1) * g.kernel_w; ++column)
      store(dx + offset(g, at, g.h, g.w, row, column), gradient);
}

bool windows_tile_input(const WindowGeometry& g) {
  return g.pad_h == 0 && g.pad_w == 0 && g.stride_h == g.kernel_h && g.stride_w == g.kernel_w &&
         g.x.h % g.kernel_h == 0 && g.x.w % g.kernel_w == 0;
}

/// Calls `launch.template operator()<kWidth>(Geometry)` with packs of four where the block and the operands allow.
template <class Launch, class... Pointers>
void with_width(const WindowGeometry& g, bool count_padding, const Launch& launch, Pointers... pointers) {
  if (g.x.count() == 0 || g.y().count() == 0) return;
  require_32_bit("pool", std::max(g.x.count(), g.y().count()));
  if (g.x.block % 4 == 0 && aligned16(pointers...)) {
    launch.template operator()<4>(Geometry(g, 4, count_padding));
  } else {
    launch.template operator()<1>(Geometry(g, 1, count_padding));
  }
}

dim3 grid(int count) {
  return grid_of(ceil_div(count, kThreads));
}

void max_pool(Stream stream, const MaxPoolArgs& a) {
  with_width(
      a.geometry, true,
      [&]<int kWidth>(const Geometry& g) {
        const int count = int(a.geometry.y().count()) / kWidth;
        ENGRAM_LAUNCH(max_pool_kernel<kWidth>, grid(count), kThreads, 0, stream, g, a.x, a.y, a.index, count);
      },
      a.x, a.y, a.index);
}

void max_pool_backward(Stream stream, const MaxPoolBackwardArgs& a) {
  with_width(
      a.geometry, true,
      [&]<int kWidth>(const Geometry& g) {
        if (windows_tile_input(a.geometry)) {
          const int count = int(a.geometry.y().count()) / kWidth;
          ENGRAM_LAUNCH(max_pool_spread_kernel<kWidth>, grid(count), kThreads, 0, stream, g, a.dy, a.index, a.dx,
                        count);
        } else {
          const int count = int(a.geometry.x.count()) / kWidth;
          ENGRAM_LAUNCH(max_pool_backward_kernel<kWidth>, grid(count), kThreads, 0, stream, g, a.dy, a.index, a.dx,
                        count);
        }
      },
      a.dy, a.index, a.dx);
}

void gather(Stream stream, const PoolGatherArgs& a) {
  with_width(
      a.geometry, true,
      [&]<int kWidth>(const Geometry& g) {
        const int count = int(a.geometry.y().count()) / kWidth;
        ENGRAM_LAUNCH(gather_kernel<kWidth>, grid(count), kThreads, 0, stream, g, a.x, a.index, a.y, count);
      },
      a.x, a.index, a.y);
}

void avg_pool(Stream stream, const AvgPoolArgs& a) {
  with_width(
      a.geometry, a.count_padding,
      [&]<int kWidth>(const Geometry& g) {
        const int count = int(a.geometry.y().count()) / kWidth;
        ENGRAM_LAUNCH(avg_pool_kernel<kWidth>, grid(count), kThreads, 0, stream, g, a.x, a.y, count);
      },
      a.x, a.y);
}

void avg_pool_backward(Stream stream, const AvgPoolBackwardArgs& a) {
  with_width(
      a.geometry, a.count_padding,
      [&]<int kWidth>(const Geometry& g) {
        if (windows_tile_input(a.geometry)) {
          const int count = int(a.geometry.y().count()) / kWidth;
          ENGRAM_LAUNCH(avg_pool_spread_kernel<kWidth>, grid(count), kThreads, 0, stream, g, a.dy, a.dx, count);
        } else {
          const int count = int(a.geometry.x.count()) / kWidth;
          ENGRAM_LAUNCH(avg_pool_backward_kernel<kWidth>, grid(count), kThreads, 0, stream, g, a.dy, a.dx, count);
        }
      },
      a.dy, a.dx);
}

}  // namespace

const PoolKernels kCudaPool = {
    max_pool,
    max_pool_backward,
    gather,
    avg_pool,
    avg_pool_backward,
    cuda::global_avg_pool,
    cuda::global_avg_pool_backward,
};

}  // namespace engram::kernels
