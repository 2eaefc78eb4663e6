#include <algorithm>

#include "kernels/common/cuda/pack.cuh"
#include "kernels/pool/global_pool_cuda.cuh"

namespace engram::kernels::cuda {
namespace {

constexpr int kThreads = 256;

/// How the pixels of a plane [pixels, block] are shared: tile_columns packs side by side, the threads above each other
/// take every n-th pixel.
struct Plane {
  int pixels, block;
  int columns, tile_columns, tile_rows, column_tiles;
};

Plane plane_of(const ActivationShape& s, int width) {
  Plane p = {};
  p.pixels = int(s.pixels());
  p.block = int(s.block);
  p.columns = p.block / width;
  p.tile_columns = std::min(p.columns, width == 4 ? 16 : kWarp);
  p.tile_rows = kThreads / p.tile_columns;
  p.column_tiles = int(ceil_div(p.columns, p.tile_columns));
  return p;
}

/// One plane and column tile a block; partial sums in f32 a thread, then in double.
template <int kWidth>
__global__ void __launch_bounds__(kThreads) mean_kernel(Plane p, const float* x, float* y) {
  EMU_SHARED(float, scratch, [kWidth * kThreads]);
  const int tile = int(blockIdx.x) % p.column_tiles;
  const dim_t plane = dim_t(blockIdx.x) / p.column_tiles;
  const int row = int(threadIdx.x) / p.tile_columns;
  const int column = tile * p.tile_columns + int(threadIdx.x) % p.tile_columns;
  const bool active = row < p.tile_rows && column < p.columns;
  const float* from = x + plane * p.pixels * p.block + column * kWidth;
  Pack<kWidth> sum = {};
  for (int pixel = row; active && pixel < p.pixels; pixel += p.tile_rows) {
    const Pack<kWidth> value = load<kWidth>(from + dim_t(pixel) * p.block);
    for_lanes<kWidth>([&](int i) { sum.v[i] += value.v[i]; });
  }
  store(scratch + int(threadIdx.x) * kWidth, sum);
  __syncthreads();
  if (row > 0 || !active) return;
  double total[kWidth] = {};
  for (int r = 0; r < min(p.tile_rows, p.pixels); ++r) {
    const Pack<kWidth> part = load<kWidth>(scratch + (r * p.tile_columns + int(threadIdx.x)) * kWidth);
    for_lanes<kWidth>([&](int i) { total[i] += double(part.v[i]); });
  }
  Pack<kWidth> mean;
  for_lanes<kWidth>([&](int i) { mean.v[i] = float(total[i] / double(p.pixels)); });
  store(y + plane * p.block + column * kWidth, mean);
}

/// The adjoint: a thread keeps its channels' gradient for all its pixels.
template <int kWidth>
__global__ void __launch_bounds__(kThreads) spread_kernel(Plane p, const float* dy, float* dx) {
  const int tile = int(blockIdx.x) % p.column_tiles;
  const dim_t plane = dim_t(blockIdx.x) / p.column_tiles;
  const int row = int(threadIdx.x) / p.tile_columns;
  const int column = tile * p.tile_columns + int(threadIdx.x) % p.tile_columns;
  if (row >= p.tile_rows || column >= p.columns) return;
  Pack<kWidth> value = load<kWidth>(dy + plane * p.block + column * kWidth);
  const float scale = 1.f / float(p.pixels);
  for_lanes<kWidth>([&](int i) { value.v[i] *= scale; });
  float* to = dx + plane * p.pixels * p.block + column * kWidth;
  for (int pixel = row; pixel < p.pixels; pixel += p.tile_rows) store(to + dim_t(pixel) * p.block, value);
}

template <int kWidth>
void launch_mean(Stream stream, const GlobalAvgPoolArgs& a) {
  const Plane p = plane_of(a.shape, kWidth);
  ENGRAM_LAUNCH(mean_kernel<kWidth>, grid_of(a.shape.n * a.shape.blocks() * p.column_tiles), kThreads, 0, stream, p,
                a.x, a.y);
}

template <int kWidth>
void launch_spread(Stream stream, const GlobalAvgPoolBackwardArgs& a) {
  const Plane p = plane_of(a.shape, kWidth);
  ENGRAM_LAUNCH(spread_kernel<kWidth>, grid_of(a.shape.n * a.shape.blocks() * p.column_tiles), kThreads, 0, stream, p,
                a.dy, a.dx);
}

}  // namespace

void global_avg_pool(Stream stream, const GlobalAvgPoolArgs& a) {
  if (a.shape.count() == 0) return;
  require_32_bit("global_avg_pool", a.shape.count());
  a.shape.block % 4 == 0 && aligned16(a.x, a.y) ? launch_mean<4>(stream, a) : launch_mean<1>(stream, a);
}

void global_avg_pool_backward(Stream stream, const GlobalAvgPoolBackwardArgs& a) {
  if (a.shape.count() == 0) return;
  require_32_bit("global_avg_pool", a.shape.count());
  a.shape.block % 4 == 0 && aligned16(a.dy, a.dx) ? launch_spread<4>(stream, a) : launch_spread<1>(stream, a);
}

}  // namespace engram::kernels::cuda
