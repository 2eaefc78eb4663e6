#include <cstring>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/common/strided.h"
#include "kernels/strided_copy/strided_copy.h"

namespace engram::kernels {
namespace {

using Loop = StridedLoop<2>;
using Cursor = StridedCursor<2>;
constexpr int kX = 0, kY = 1;

/// Side of the tiles in which a transposition is done: one cache line of f32.
constexpr dim_t kTile = 16;
/// Elements that one work item moves at least, if there are as many.
constexpr dim_t kItemWork = 8192;

template <class T>
ENGRAM_ALWAYS_INLINE void put(T& y, T x, bool add) {
  if constexpr (sizeof(T) == 4 && std::is_same_v<T, float>) {
    y = add ? y + x : x;
  } else {
    y = x;
  }
}

template <class T, bool kAdd>
ENGRAM_ALWAYS_INLINE void row(const T* x, dim_t step_x, T* y, dim_t step_y, dim_t count) {
  if (step_x == 1 && step_y == 1) {
    for (dim_t i = 0; i < count; ++i) put(y[i], x[i], kAdd);
  } else if (step_x == 0 && step_y == 1) {
    const T value = *x;
    for (dim_t i = 0; i < count; ++i) put(y[i], value, kAdd);
  } else {
    for (dim_t i = 0; i < count; ++i) put(y[i * step_y], x[i * step_x], kAdd);
  }
}

/// Rows [begin, end) of the axes before the last one.
template <class T, bool kAdd>
ENGRAM_ALWAYS_INLINE void rows(const Loop& loop, const T* x, T* y, dim_t begin, dim_t end) {
  const int last = loop.rank - 1;
  const dim_t count = loop.shape[last], step_x = loop.stride[kX][last], step_y = loop.stride[kY][last];
  Cursor cursor;
  cursor.seek(loop, last, begin);
  for (dim_t r = begin; r < end; ++r) {
    row<T, kAdd>(x + cursor.offset[kX], step_x, y + cursor.offset[kY], step_y, count);
    cursor.next(loop, last);
  }
}

ENGRAM_MULTIVERSION void copy_rows_1(const Loop& loop, const std::uint8_t* x, std::uint8_t* y, dim_t begin, dim_t end) {
  rows<std::uint8_t, false>(loop, x, y, begin, end);
}
ENGRAM_MULTIVERSION void copy_rows_2(const Loop& loop, const std::uint16_t* x, std::uint16_t* y, dim_t begin,
                                     dim_t end) {
  rows<std::uint16_t, false>(loop, x, y, begin, end);
}
ENGRAM_MULTIVERSION void copy_rows_4(const Loop& loop, const float* x, float* y, dim_t begin, dim_t end) {
  rows<float, false>(loop, x, y, begin, end);
}
ENGRAM_MULTIVERSION void add_rows(const Loop& loop, const float* x, float* y, dim_t begin, dim_t end) {
  rows<float, true>(loop, x, y, begin, end);
}

/// Tiles [begin, end) of a transposition: the last axis is dense in y, the one before it dense in x.
ENGRAM_MULTIVERSION void copy_tiles(const Loop& loop, const float* x, float* y, dim_t begin, dim_t end) {
  const int inner = loop.rank - 1, outer = loop.rank - 2;
  const dim_t columns = loop.shape[inner], rows = loop.shape[outer];
  const dim_t tiles_x = (columns + kTile - 1) / kTile, tiles_y = (rows + kTile - 1) / kTile;
  const dim_t step_x = loop.stride[kX][inner], step_y = loop.stride[kY][outer];
  for (dim_t t = begin; t < end; ++t) {
    Cursor cursor;
    cursor.seek(loop, outer, t / (tiles_x * tiles_y));
    const dim_t c0 = t % tiles_x * kTile, r0 = t / tiles_x % tiles_y * kTile;
    const dim_t width = std::min(kTile, columns - c0), height = std::min(kTile, rows - r0);
    const float* from = x + cursor.offset[kX] + r0 + c0 * step_x;
    float* to = y + cursor.offset[kY] + r0 * step_y + c0;
    if (width == kTile && height == kTile) {
      Vec16 tile[kTile];
      for (dim_t c = 0; c < kTile; ++c) tile[c] = load16(from + c * step_x);
      transpose16(tile);
      for (dim_t r = 0; r < kTile; ++r) store16(to + r * step_y, tile[r]);
    } else {
      for (dim_t r = 0; r < height; ++r)
        for (dim_t c = 0; c < width; ++c) to[r * step_y + c] = from[r + c * step_x];
    }
  }
}

/// Normal form: axes by falling stride of y, merged; never of rank 0.
Loop normal_form(int rank, const dim_t* shape, const dim_t* stride_x, const dim_t* stride_y) {
  Loop loop;
  for (int i = 0; i < rank; ++i) loop.push(shape[i], {stride_x[i], stride_y[i]});
  loop.sort_by_stride(kY);
  loop.merge();
  if (loop.rank == 0) loop.push(1, {1, 1});
  return loop;
}

/// Splits one long innermost axis in two, so that there are rows to share among threads.
void split_long_row(Loop& loop) {
  const int last = loop.rank - 1;
  const dim_t length = loop.shape[last];
  if (loop.rank == kMaxRank || length < 2 * kItemWork) return;
  dim_t rows = 1;
  for (int i = 0; i < last; ++i) rows *= loop.shape[i];
  if (rows >= 16) return;
  dim_t pieces = 0;
  for (dim_t p = 64; p > 1 && !pieces; --p)
    if (length % p == 0 && length / p >= kItemWork / 4) pieces = p;
  if (!pieces) return;
  const dim_t step_x = loop.stride[kX][last], step_y = loop.stride[kY][last];
  loop.shape[last] = pieces;
  loop.stride[kX][last] = step_x * (length / pieces);
  loop.stride[kY][last] = step_y * (length / pieces);
  loop.push(length / pieces, {step_x, step_y});
}

template <class T, class Rows>
void run_rows(Loop loop, const void* x, void* y, const Rows& body) {
  split_long_row(loop);
  const dim_t length = loop.shape[loop.rank - 1];
  if (length == 0) return;
  const dim_t count = loop.count() / length;
  const dim_t group = std::max<dim_t>(1, kItemWork / length);
  parallel_for((count + group - 1) / group, group * length, [&](dim_t g) {
    body(loop, static_cast<const T*>(x), static_cast<T*>(y), g * group, std::min(count, (g + 1) * group));
  });
}

/// Puts an axis that is dense in x next to the innermost axis if that is a transposition; false if it is not one.
bool make_transposition(Loop& loop) {
  const int last = loop.rank - 1;
  if (loop.rank < 2 || loop.stride[kY][last] != 1 || loop.stride[kX][last] == 1 || loop.shape[last] < 4) return false;
  for (int i = 0; i < last; ++i) {
    if (loop.stride[kX][i] != 1 || loop.shape[i] < 4) continue;
    for (int j = i; j + 1 < last; ++j) loop.swap_axes(j, j + 1);
    return true;
  }
  return false;
}

void copy(Stream, const StridedCopyArgs& args) {
  Loop loop = normal_form(args.rank, args.shape, args.stride_x, args.stride_y);
  if (loop.count() == 0) return;
  if (args.element_bytes == 1) {
    run_rows<std::uint8_t>(loop, args.x, args.y, copy_rows_1);
  } else if (args.element_bytes == 2) {
    run_rows<std::uint16_t>(loop, args.x, args.y, copy_rows_2);
  } else if (make_transposition(loop)) {
    const dim_t columns = loop.shape[loop.rank - 1], rows = loop.shape[loop.rank - 2];
    const dim_t tiles =
        loop.count() / (columns * rows) * ((columns + kTile - 1) / kTile) * ((rows + kTile - 1) / kTile);
    constexpr dim_t kGroup = kItemWork / (kTile * kTile);
    parallel_for((tiles + kGroup - 1) / kGroup, kItemWork, [&](dim_t g) {
      copy_tiles(loop, static_cast<const float*>(args.x), static_cast<float*>(args.y), g * kGroup,
                 std::min(tiles, (g + 1) * kGroup));
    });
  } else {
    run_rows<float>(loop, args.x, args.y, copy_rows_4);
  }
}

void add(Stream, const StridedAddArgs& args) {
  const Loop loop = normal_form(args.rank, args.shape, args.stride_x, args.stride_y);
  if (loop.count() == 0) return;
  run_rows<float>(loop, args.x, args.y, add_rows);
}

dim_t product(int rank, const dim_t* shape) {
  dim_t count = 1;
  for (int i = 0; i < rank; ++i) count *= shape[i];
  return count;
}

}  // namespace

Cost strided_copy_cost(const StridedCopyArgs& args) {
  const dim_t bytes = product(args.rank, args.shape) * args.element_bytes;
  return {bytes, bytes, 0};
}

Cost strided_add_cost(const StridedAddArgs& args) {
  const dim_t count = product(args.rank, args.shape);
  return {count * 8, count * 4, count};
}

const StridedCopyKernels kCpuStridedCopy = {copy, add};

}  // namespace engram::kernels
