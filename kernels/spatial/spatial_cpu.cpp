#include <algorithm>
#include <cstring>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/spatial/spatial.h"

namespace engram::kernels {
namespace {

/// Output pixel (i, j) of image n takes input pixel (i + row, j + column).
struct Shift {
  dim_t row, column;
};

/// One output row of `width` pixels: input pixels `column` to `column + width - 1` of `row`, `value` outside the input.
void shifted_row(const float* row, dim_t in_width, dim_t column, dim_t width, dim_t block, float value, float* y) {
  const dim_t begin = std::min(width, std::max<dim_t>(0, -column));
  const dim_t end = std::max(begin, std::min(width, in_width - column));
  std::fill(y, y + begin * block, value);
  if (end > begin)
    std::memcpy(y + begin * block, row + (begin + column) * block, std::size_t((end - begin) * block) * 4);
  std::fill(y + end * block, y + width * block, value);
}

/// y of [N, C, out_h, out_w] from x, each image moved by `shift(n)`.
template <class ShiftOf>
void shifted_copy(const ActivationShape& s, const float* x, dim_t out_h, dim_t out_w, float value, float* y,
                  const ShiftOf& shift_of) {
  const dim_t out_row = out_w * s.block;
  parallel_for(s.n * s.blocks(), out_h * out_row, [&](dim_t plane) {
    const Shift shift = shift_of(plane / s.blocks());
    const float* in = x + plane * s.pixels() * s.block;
    float* out = y + plane * out_h * out_row;
    for (dim_t i = 0; i < out_h; ++i) {
      const dim_t h = i + shift.row;
      if (h < 0 || h >= s.h) {
        std::fill(out + i * out_row, out + (i + 1) * out_row, value);
      } else {
        shifted_row(in + h * s.w * s.block, s.w, shift.column, out_w, s.block, value, out + i * out_row);
      }
    }
  });
}

void pad(Stream, const PadArgs& a) {
  shifted_copy(a.x_shape, a.x, a.x_shape.h + a.top + a.bottom, a.x_shape.w + a.left + a.right, a.value, a.y,
               [&](dim_t) {
                 return Shift{-a.top, -a.left};
               });
}

void shifted_crop(Stream, const ShiftedCropArgs& a) {
  const dim_t sign = a.negate_offsets ? -1 : 1;
  shifted_copy(a.x_shape, a.x, a.out_h, a.out_w, 0.f, a.y, [&](dim_t n) {
    return Shift{sign * a.offsets[2 * n], sign * a.offsets[2 * n + 1]};
  });
}

/// Reverses the pixels of each row of one plane.
ENGRAM_MULTIVERSION void flip_plane(const float* x, dim_t height, dim_t width, dim_t block, float* y) {
  for (dim_t h = 0; h < height; ++h) {
    const float* in = x + h * width * block;
    float* out = y + h * width * block;
    if (block == 1) {
      for (dim_t w = 0; w < width; ++w) out[w] = in[width - 1 - w];
    } else if (block == 16) {
      for (dim_t w = 0; w < width; ++w) store16(out + 16 * w, load16(in + 16 * (width - 1 - w)));
    } else {
      for (dim_t w = 0; w < width; ++w) std::copy_n(in + (width - 1 - w) * block, block, out + w * block);
    }
  }
}

void horizontal_flip(Stream, const HorizontalFlipArgs& a) {
  const ActivationShape& s = a.shape;
  const dim_t plane_size = s.pixels() * s.block;
  parallel_for(s.n * s.blocks(), plane_size, [&](dim_t plane) {
    const float* x = a.x + plane * plane_size;
    float* y = a.y + plane * plane_size;
    if (!a.flags || a.flags[plane / s.blocks()]) {
      flip_plane(x, s.h, s.w, s.block, y);
    } else {
      std::memcpy(y, x, std::size_t(plane_size) * sizeof(float));
    }
  });
}

constexpr dim_t kValueBytes = 4;

/// Rows of one value, for which a copy by a call would cost several times the value.
void gather_values(const char* x, const std::int32_t* index, char* y, dim_t begin, dim_t end) {
  for (dim_t i = begin; i < end; ++i) std::memcpy(y + i * kValueBytes, x + index[i] * kValueBytes, kValueBytes);
}

void gather_rows(Stream, const GatherRowsArgs& a) {
  const auto* x = static_cast<const char*>(a.x);
  auto* y = static_cast<char*>(a.y);
  const dim_t group = std::max<dim_t>(1, 16384 / std::max<dim_t>(1, a.row_bytes));
  parallel_chunks(a.rows, group, [&](dim_t begin, dim_t end, dim_t) {
    if (a.row_bytes == kValueBytes) return gather_values(x, a.index, y, begin, end);
    for (dim_t i = begin; i < end; ++i)
      std::memcpy(y + i * a.row_bytes, x + a.index[i] * a.row_bytes, std::size_t(a.row_bytes));
  });
}

/// Adds columns [begin, end) of every row of x, in order.
ENGRAM_MULTIVERSION void scatter_columns(const ScatterAddRowsArgs& a, dim_t begin, dim_t end) {
  if (a.width == 1) {  // a loop over one column would cost more than the addition
    for (dim_t i = 0; i < a.rows; ++i) a.y[a.index[i]] += a.x[i];
    return;
  }
  for (dim_t i = 0; i < a.rows; ++i) {
    const float* x = a.x + i * a.width;
    float* y = a.y + a.index[i] * a.width;
    for (dim_t j = begin; j < end; ++j) y[j] += x[j];
  }
}

void scatter_add_rows(Stream, const ScatterAddRowsArgs& a) {
  // Threads share the columns, not the rows: two rows may have the same target.
  constexpr dim_t kColumns = 64;
  parallel_for((a.width + kColumns - 1) / kColumns, a.rows * kColumns,
               [&](dim_t block) { scatter_columns(a, block * kColumns, std::min(a.width, (block + 1) * kColumns)); });
}

void first_out_of_range(Stream, const FirstOutOfRangeArgs& a) {
  const std::int32_t* end = a.index + a.count;
  const auto* bad = std::find_if(a.index, end, [&](std::int32_t i) { return i < 0 || i >= a.bound; });
  *a.first = bad == end ? -1 : std::int32_t(bad - a.index);
}

}  // namespace

Cost pad_cost(const PadArgs& a) {
  const ActivationShape& s = a.x_shape;
  const dim_t outputs = s.n * s.c * (s.h + a.top + a.bottom) * (s.w + a.left + a.right);
  return {std::min(outputs, s.count()) * 4, outputs * 4, 0};
}

Cost shifted_crop_cost(const ShiftedCropArgs& a) {
  const dim_t outputs = a.x_shape.n * a.x_shape.c * a.out_h * a.out_w;
  return {std::min(outputs, a.x_shape.count()) * 4 + a.x_shape.n * 8, outputs * 4, 0};
}

Cost horizontal_flip_cost(const ActivationShape& shape) {
  return {shape.count() * 4 + shape.n, shape.count() * 4, 0};
}

Cost gather_rows_cost(dim_t rows, dim_t row_bytes) {
  return {rows * (row_bytes + 4), rows * row_bytes, 0};
}

Cost scatter_add_rows_cost(dim_t rows, dim_t width) {
  return {rows * (width * 8 + 4), rows * width * 4, rows * width};
}

const SpatialKernels kCpuSpatial = {pad,         shifted_crop,     horizontal_flip,
                                    gather_rows, scatter_add_rows, first_out_of_range};

}  // namespace engram::kernels
