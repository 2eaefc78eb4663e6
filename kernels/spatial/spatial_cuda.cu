#include "kernels/common/cuda/divisor.cuh"
#include "kernels/common/cuda/pack.cuh"
#include "kernels/spatial/rows_cuda.cuh"
#include "kernels/spatial/spatial.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

constexpr int kThreads = 256;

/// Output pixels of an activation, in packs of kWidth channels.
struct Output {
  int h, w;  ///< of the input
  int packs;
  int blocks;  ///< channel blocks of an image
  Divisor by_packs, by_out_w, by_out_h, by_blocks;

  Output(const ActivationShape& x, dim_t out_h, dim_t out_w, int width)
      : h(int(x.h)),
        w(int(x.w)),
        packs(int(x.block) / width),
        blocks(int(x.blocks())),
        by_packs(packs),
        by_out_w(out_w),
        by_out_h(out_h),
        by_blocks(blocks) {}
};

/// The place of output pack i.
struct Place {
  int plane, row, column, pack;
};

__device__ __forceinline__ Place place(const Output& o, int i) {
  const int pixel = int(o.by_packs.quotient(std::uint32_t(i)));
  const int line = int(o.by_out_w.quotient(std::uint32_t(pixel)));
  const int plane = int(o.by_out_h.quotient(std::uint32_t(line)));
  return {plane, line - plane * int(o.by_out_h.divisor()), pixel - line * int(o.by_out_w.divisor()),
          i - pixel * o.packs};
}

/// Moves an image by the same shift everywhere (pad), or by its own (crop): output pixel (i, j) takes input pixel
/// (i + row, j + column).
struct Shift {
  int row, column;
  const std::int32_t* offsets;  ///< [n, 2], or null
  int sign;

  __device__ __forceinline__ void of_image(int image, int& r, int& c) const {
    r = offsets ? sign * offsets[2 * image] : row;
    c = offsets ? sign * offsets[2 * image + 1] : column;
  }
};

template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    shift_kernel(Output o, Shift shift, float value, const float* x, float* y, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  const Place at = place(o, i);
  int row, column;
  shift.of_image(int(o.by_blocks.quotient(std::uint32_t(at.plane))), row, column);
  row += at.row;
  column += at.column;
  Pack<kWidth> result;
  if (row >= 0 && row < o.h && column >= 0 && column < o.w) {
    result = load<kWidth>(x + (((dim_t(at.plane) * o.h + row) * o.w + column) * o.packs + at.pack) * kWidth);
  } else {
    for_lanes<kWidth>([&](int k) { result.v[k] = value; });
  }
  store(y + dim_t(i) * kWidth, result);
}

template <int kWidth>
__global__ void __launch_bounds__(kThreads)
    flip_kernel(Output o, const std::uint8_t* flags, const float* x, float* y, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  const Place at = place(o, i);
  const bool flipped = !flags || flags[o.by_blocks.quotient(std::uint32_t(at.plane))] != 0;
  const int column = flipped ? o.w - 1 - at.column : at.column;
  store(y + dim_t(i) * kWidth,
        load<kWidth>(x + (((dim_t(at.plane) * o.h + at.row) * o.w + column) * o.packs + at.pack) * kWidth));
}

template <int kWidth>
void launch_shift(Stream stream, const ActivationShape& s, dim_t out_h, dim_t out_w, const Shift& shift, float value,
                  const float* x, float* y) {
  const int count = int(s.n * s.c * out_h * out_w) / kWidth;
  ENGRAM_LAUNCH(shift_kernel<kWidth>, grid_of(ceil_div(count, kThreads)), kThreads, 0, stream,
                Output(s, out_h, out_w, kWidth), shift, value, x, y, count);
}

void shifted_copy(Stream stream, const ActivationShape& s, dim_t out_h, dim_t out_w, const Shift& shift, float value,
                  const float* x, float* y) {
  const dim_t outputs = s.n * s.c * out_h * out_w;
  if (outputs == 0) return;
  require_32_bit("shifted_copy", outputs);
  if (s.block % 4 == 0 && aligned16(x, y)) {
    launch_shift<4>(stream, s, out_h, out_w, shift, value, x, y);
  } else {
    launch_shift<1>(stream, s, out_h, out_w, shift, value, x, y);
  }
}

void pad(Stream stream, const PadArgs& a) {
  shifted_copy(stream, a.x_shape, a.x_shape.h + a.top + a.bottom, a.x_shape.w + a.left + a.right,
               {int(-a.top), int(-a.left), nullptr, 1}, a.value, a.x, a.y);
}

void shifted_crop(Stream stream, const ShiftedCropArgs& a) {
  shifted_copy(stream, a.x_shape, a.out_h, a.out_w, {0, 0, a.offsets, a.negate_offsets ? -1 : 1}, 0.f, a.x, a.y);
}

template <int kWidth>
void launch_flip(Stream stream, const HorizontalFlipArgs& a) {
  const int count = int(a.shape.count()) / kWidth;
  ENGRAM_LAUNCH(flip_kernel<kWidth>, grid_of(ceil_div(count, kThreads)), kThreads, 0, stream,
                Output(a.shape, a.shape.h, a.shape.w, kWidth), a.flags, a.x, a.y, count);
}

void horizontal_flip(Stream stream, const HorizontalFlipArgs& a) {
  if (a.shape.count() == 0) return;
  require_32_bit("horizontal_flip", a.shape.count());
  if (a.shape.block % 4 == 0 && aligned16(a.x, a.y)) {
    launch_flip<4>(stream, a);
  } else {
    launch_flip<1>(stream, a);
  }
}

}  // namespace

const SpatialKernels kCudaSpatial = {pad,         shifted_crop,     horizontal_flip,
                                     gather_rows, scatter_add_rows, first_out_of_range};

}  // namespace engram::kernels
