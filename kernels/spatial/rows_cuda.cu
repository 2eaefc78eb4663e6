#include "kernels/common/cuda/divisor.cuh"
#include "kernels/spatial/rows_cuda.cuh"

namespace engram::kernels::cuda {
namespace {

constexpr int kThreads = 256;
/// Columns of one block of a scatter: one warp.
constexpr int kScatterColumns = kWarp;
/// Rows whose values a scatter loads before it adds them.
constexpr int kScatterUnroll = 4;

/// One element of type T a thread; `row_units` of them in a row.
template <class T>
__global__ void __launch_bounds__(kThreads)
    gather_kernel(const T* x, const std::int32_t* index, T* y, Divisor row_units, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  const int row = int(row_units.quotient(std::uint32_t(i))), unit = i - row * int(row_units.divisor());
  y[i] = x[dim_t(index[row]) * row_units.divisor() + unit];
}

template <class T>
void launch_gather(Stream stream, const GatherRowsArgs& a) {
  const dim_t units = a.row_bytes / dim_t(sizeof(T)), count = a.rows * units;
  require_32_bit("gather_rows", count);
  ENGRAM_LAUNCH(gather_kernel<T>, grid_of(ceil_div(count, kThreads)), kThreads, 0, stream, static_cast<const T*>(a.x),
                a.index, static_cast<T*>(a.y), Divisor(units), int(count));
}

/// One column a thread, rows in order: two rows may have the same target.
__global__ void __launch_bounds__(kScatterColumns)
    scatter_add_kernel(const float* x, const std::int32_t* index, float* y, int rows, int width) {
  const int column = int(blockIdx.x) * kScatterColumns + int(threadIdx.x);
  if (column >= width) return;
  for (int first = 0; first < rows; first += kScatterUnroll) {
    float value[kScatterUnroll];
    dim_t target[kScatterUnroll];
#pragma unroll
    for (int u = 0; u < kScatterUnroll; ++u) {
      if (first + u >= rows) continue;
      value[u] = x[dim_t(first + u) * width + column];
      target[u] = dim_t(index[first + u]) * width + column;
    }
#pragma unroll
    for (int u = 0; u < kScatterUnroll; ++u)
      if (first + u < rows) y[target[u]] += value[u];
  }
}

/// One block: each thread looks for its own first position, the block takes the least.
__global__ void __launch_bounds__(kThreads)
    first_out_of_range_kernel(const std::int32_t* index, int count, dim_t bound, std::int32_t* first) {
  EMU_SHARED(unsigned, least, [kThreads / kWarp]);
  unsigned found = 0xffffffffu;
  for (int i = int(threadIdx.x); i < count && found == 0xffffffffu; i += kThreads)
    if (index[i] < 0 || index[i] >= bound) found = unsigned(i);
  found = __reduce_min_sync(kFullMask, found);
  if (threadIdx.x % kWarp == 0) least[threadIdx.x / kWarp] = found;
  __syncthreads();
  if (threadIdx.x > 0) return;
  for (int i = 1; i < kThreads / kWarp; ++i) found = min(found, least[i]);
  *first = std::int32_t(found);  // none: all bits set, -1
}

}  // namespace

void gather_rows(Stream stream, const GatherRowsArgs& a) {
  if (a.rows == 0 || a.row_bytes == 0) return;
  const auto fits = [&](dim_t bytes) {
    return a.row_bytes % bytes == 0 && reinterpret_cast<std::uintptr_t>(a.x) % std::uintptr_t(bytes) == 0 &&
           reinterpret_cast<std::uintptr_t>(a.y) % std::uintptr_t(bytes) == 0;
  };
  if (fits(16)) return launch_gather<uint4>(stream, a);
  if (fits(4)) return launch_gather<std::uint32_t>(stream, a);
  launch_gather<std::uint8_t>(stream, a);
}

void scatter_add_rows(Stream stream, const ScatterAddRowsArgs& a) {
  if (a.rows == 0 || a.width == 0) return;
  require_32_bit("scatter_add_rows", a.rows > a.width ? a.rows : a.width);
  ENGRAM_LAUNCH(scatter_add_kernel, grid_of(ceil_div(a.width, kScatterColumns)), kScatterColumns, 0, stream, a.x,
                a.index, a.y, int(a.rows), int(a.width));
}

void first_out_of_range(Stream stream, const FirstOutOfRangeArgs& a) {
  require_32_bit("first_out_of_range", a.count);
  ENGRAM_LAUNCH(first_out_of_range_kernel, dim3(1), kThreads, 0, stream, a.index, int(a.count), a.bound, a.first);
}

}  // namespace engram::kernels::cuda
