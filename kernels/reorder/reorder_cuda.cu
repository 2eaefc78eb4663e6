/// Copies between planar and channel-blocked activations on CUDA.
///
/// Their story on an H200 (docs/results/h200): with divisions in the inner loop 124 and 157 us for 268 MB, without them
/// 86 and 96 us (commit fae7bbf), 0.65 to 0.77 of a copy's speed. What limits them now was not measured.

#include "kernels/reorder/reorder_tiles.cuh"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

__global__ void __launch_bounds__(kReorderThreads) to_blocked_kernel(const float* src, float* dst, ReorderTiling t) {
  EMU_DYNAMIC_SHARED(float, values);
  const ReorderTile tile = tile_of(t);
  for_planar(t, tile,
             [&](int lane, int p, dim_t at, bool inside) { values[lane * t.pitch + p] = inside ? src[at] : 0.f; });
  __syncthreads();
  for_blocked(t, tile, [&](int lane, int p, dim_t at) { dst[at] = values[lane * t.pitch + p]; });
}

__global__ void __launch_bounds__(kReorderThreads) to_planar_kernel(const float* src, float* dst, ReorderTiling t) {
  EMU_DYNAMIC_SHARED(float, values);
  const ReorderTile tile = tile_of(t);
  for_blocked(t, tile, [&](int lane, int p, dim_t at) {
    if (tile.block0 + tile.lane0 + lane < t.c) values[lane * t.pitch + p] = src[at];
  });
  __syncthreads();
  for_planar(t, tile, [&](int lane, int p, dim_t at, bool inside) {
    if (inside) dst[at] = values[lane * t.pitch + p];
  });
}

void launch(Stream stream, const ReorderArgs& a, bool blocked) {
  if (a.n * a.c * a.h * a.w == 0) return;
  require_32_bit("reorder", padded_channels(a.c, a.block) * a.h * a.w);
  const ReorderTiling t = reorder_tiling(a);
  const dim3 grid = grid_of(t.tiles(a.n));
  if (blocked) {
    ENGRAM_LAUNCH(to_blocked_kernel, grid, kReorderThreads, t.shared_bytes(), stream, a.src, a.dst, t);
  } else {
    ENGRAM_LAUNCH(to_planar_kernel, grid, kReorderThreads, t.shared_bytes(), stream, a.src, a.dst, t);
  }
}

void to_blocked(Stream stream, const ReorderArgs& a) {
  launch(stream, a, true);
}

void to_planar(Stream stream, const ReorderArgs& a) {
  launch(stream, a, false);
}

}  // namespace

const ReorderKernels kCudaReorder = {.to_blocked = to_blocked, .to_planar = to_planar};

}  // namespace engram::kernels
