/// Strided copies and additions on CUDA.
///
/// Their story on an H200 (docs/results/h200): tiles of 32x32, of which weights with 9 taps filled 9 rows, reached 0.24
/// of a copy's speed in transpositions; tiles as long as the matrix is narrow reach 0.43 (commit cb1868a). Dense copies
/// are at 0.94 and more. What limits the transpositions now was not measured.

#include <algorithm>
#include <cstdlib>

#include "kernels/common/cuda/divisor.cuh"
#include "kernels/common/cuda/pack.cuh"
#include "kernels/common/cuda/strided_index.cuh"
#include "kernels/strided_copy/strided_copy.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

using Loop = StridedLoop<2>;
constexpr int kX = 0, kY = 1;
constexpr int kThreads = 256;
/// Elements that one thread moves, kThreads apart.
constexpr int kUnroll = 4;
/// Values of a transposition's tile, and its shared memory: a row of a matrix of at least 4 takes one value more.
constexpr int kTileValues = 1024, kTileCapacity = kTileValues / 4 * 5;

__device__ __forceinline__ float sum(float x, float y) {
  return x + y;
}
__device__ __forceinline__ float4 sum(float4 x, float4 y) {
  return make_float4(x.x + y.x, x.y + y.y, x.z + y.z, x.w + y.w);
}

/// Moves elements of type T (or adds them) in the order of y.
template <class T, bool kAdd>
__global__ void __launch_bounds__(kThreads) copy_kernel(const T* x, T* y, StridedIndex<2> index, int count) {
  const int first = int(blockIdx.x) * (kThreads * kUnroll) + int(threadIdx.x);
  T value[kUnroll];
  dim_t offset[kUnroll][2];
#pragma unroll
  for (int u = 0; u < kUnroll; ++u) {
    const int i = first + u * kThreads;
    if (i >= count) continue;
    index.offsets(std::uint32_t(i), offset[u]);
    value[u] = x[offset[u][kX]];
    if constexpr (kAdd) value[u] = sum(value[u], y[offset[u][kY]]);
  }
#pragma unroll
  for (int u = 0; u < kUnroll; ++u)
    if (first + u * kThreads < count) y[offset[u][kY]] = value[u];
}

/// A stack of matrices [rows, columns], dense along rows in x and along columns in y, in tiles.
struct Transposition {
  int rows, columns;
  int tile_rows, tile_columns, pitch;  ///< the odd pitch keeps a row in different banks
  int row_tiles, column_tiles;
  Divisor by_tile_rows, by_tile_columns;
  dim_t step_x;  ///< from one column to the next in x
  dim_t step_y;  ///< from one row to the next in y
};

__global__ void __launch_bounds__(kThreads)
    transpose_kernel(const std::uint32_t* x, std::uint32_t* y, StridedIndex<2> outer, Transposition t) {
  EMU_SHARED(std::uint32_t, tile, [kTileCapacity]);
  const int matrix = int(blockIdx.x) / (t.row_tiles * t.column_tiles);
  const int rest = int(blockIdx.x) % (t.row_tiles * t.column_tiles);
  const int row0 = rest / t.column_tiles * t.tile_rows, column0 = rest % t.column_tiles * t.tile_columns;
  const int count = t.tile_rows * t.tile_columns;
  dim_t offset[2];
  outer.offsets(std::uint32_t(matrix), offset);
#pragma unroll 4
  for (int i = int(threadIdx.x); i < count; i += kThreads) {
    const int column = int(t.by_tile_rows.quotient(std::uint32_t(i))), row = i - column * t.tile_rows;
    if (row0 + row < t.rows && column0 + column < t.columns)
      tile[column * t.pitch + row] = x[offset[kX] + dim_t(column0 + column) * t.step_x + row0 + row];
  }
  __syncthreads();
#pragma unroll 4
  for (int i = int(threadIdx.x); i < count; i += kThreads) {
    const int row = int(t.by_tile_columns.quotient(std::uint32_t(i))), column = i - row * t.tile_columns;
    if (row0 + row < t.rows && column0 + column < t.columns)
      y[offset[kY] + dim_t(row0 + row) * t.step_y + column0 + column] = tile[column * t.pitch + row];
  }
}

/// Tiles of up to kTileValues: square, or as long in one direction as the matrix is narrow in the other.
void cut_tiles(Transposition& t) {
  const auto longest = [](int extent, int other) {
    const int fitting = kTileValues / other;
    return std::min(extent, fitting < kWarp ? fitting : fitting / kWarp * kWarp);
  };
  t.tile_rows = std::min(t.rows, kWarp);
  t.tile_columns = longest(t.columns, t.tile_rows);
  if (t.tile_columns < kWarp) t.tile_rows = longest(t.rows, t.tile_columns);
  t.pitch = t.tile_rows | 1;
  t.row_tiles = int(ceil_div(t.rows, t.tile_rows));
  t.column_tiles = int(ceil_div(t.columns, t.tile_columns));
  t.by_tile_rows = Divisor(t.tile_rows);
  t.by_tile_columns = Divisor(t.tile_columns);
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

/// Elements that can be moved in one access: the largest power of two up to `most` that divides the rows, which are
/// dense in both operands, and all strides and addresses.
int elements_an_access(const Loop& loop, const void* x, const void* y, int element_bytes, int most) {
  const int last = loop.rank - 1;
  if (loop.stride[kX][last] != 1 || loop.stride[kY][last] != 1) return 1;
  for (int n = most; n > 1; n /= 2) {
    bool fits = loop.shape[last] % n == 0 && reinterpret_cast<std::uintptr_t>(x) % (n * element_bytes) == 0 &&
                reinterpret_cast<std::uintptr_t>(y) % (n * element_bytes) == 0;
    for (int i = 0; i < last && fits; ++i) fits = loop.stride[kX][i] % n == 0 && loop.stride[kY][i] % n == 0;
    if (fits) return n;
  }
  return 1;
}

/// The same loop over groups of n neighbouring elements.
Loop grouped(Loop loop, int n) {
  const int last = loop.rank - 1;
  loop.shape[last] /= n;
  for (int i = 0; i < last; ++i) {
    loop.stride[kX][i] /= n;
    loop.stride[kY][i] /= n;
  }
  return loop;
}

template <class T, bool kAdd>
void launch_copy(Stream stream, const void* x, void* y, const Loop& loop) {
  const dim_t count = loop.count();
  ENGRAM_LAUNCH((copy_kernel<T, kAdd>), grid_of(ceil_div(count, kThreads * kUnroll)), kThreads, 0, stream,
                static_cast<const T*>(x), static_cast<T*>(y), StridedIndex<2>(loop), int(count));
}

/// Makes the two innermost axes a transposition, if the loop has one worth tiles.
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

void launch_transposition(Stream stream, const StridedCopyArgs& args, Loop loop) {
  const int inner = loop.rank - 1, outer = loop.rank - 2;
  Transposition t = {};
  t.rows = int(loop.shape[outer]);
  t.columns = int(loop.shape[inner]);
  t.step_x = loop.stride[kX][inner];
  t.step_y = loop.stride[kY][outer];
  cut_tiles(t);
  loop.rank = outer;
  ENGRAM_LAUNCH(transpose_kernel, grid_of(loop.count() * t.row_tiles * t.column_tiles), kThreads, 0, stream,
                static_cast<const std::uint32_t*>(args.x), static_cast<std::uint32_t*>(args.y), StridedIndex<2>(loop),
                t);
}

void copy(Stream stream, const StridedCopyArgs& args) {
  Loop loop = normal_form(args.rank, args.shape, args.stride_x, args.stride_y);
  if (loop.count() == 0) return;
  require_32_bit("strided_copy", loop.count());
  if (args.element_bytes == 4 && make_transposition(loop)) return launch_transposition(stream, args, loop);
  const int n = elements_an_access(loop, args.x, args.y, args.element_bytes, 16 / args.element_bytes);
  const Loop moved = n > 1 ? grouped(loop, n) : loop;
  switch (n * args.element_bytes) {
    case 16:
      return launch_copy<uint4, false>(stream, args.x, args.y, moved);
    case 8:
      return launch_copy<uint2, false>(stream, args.x, args.y, moved);
    case 4:
      return launch_copy<std::uint32_t, false>(stream, args.x, args.y, moved);
    case 2:
      return launch_copy<std::uint16_t, false>(stream, args.x, args.y, moved);
    default:
      return launch_copy<std::uint8_t, false>(stream, args.x, args.y, moved);
  }
}

void add(Stream stream, const StridedAddArgs& args) {
  const Loop loop = normal_form(args.rank, args.shape, args.stride_x, args.stride_y);
  if (loop.count() == 0) return;
  require_32_bit("strided_add", loop.count());
  if (elements_an_access(loop, args.x, args.y, 4, 4) == 4) {
    launch_copy<float4, true>(stream, args.x, args.y, grouped(loop, 4));
  } else {
    launch_copy<float, true>(stream, args.x, args.y, loop);
  }
}

}  // namespace

const StridedCopyKernels kCudaStridedCopy = {copy, add};

}  // namespace engram::kernels
