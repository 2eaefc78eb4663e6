#include "kernels/conv2d/planar_result.h"
#include "kernels/reorder/reorder_tiles.cuh"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

__global__ void __launch_bounds__(kReorderThreads) planar_result_kernel(PlanarResultArgs args, ReorderTiling t) {
  EMU_DYNAMIC_SHARED(float, values);
  const ReorderTile tile = tile_of(t);
  for_planar(t, tile, [&](int lane, int p, dim_t at, bool inside) {
    if (inside) values[lane * t.pitch + p] = args.planar[at];
  });
  __syncthreads();
  for_blocked(t, tile, [&](int lane, int p, dim_t at) {
    float v = values[lane * t.pitch + p];
    if (args.bias) v += args.bias[tile.lane0 + lane];
    if (args.residual) v += args.residual[at];
    args.y[at] = args.relu && v <= 0.f ? 0.f : v;  // a NaN stays a NaN
  });
}

}  // namespace

void finish_planar_result(Stream stream, const PlanarResultArgs& args) {
  const ActivationShape& s = args.shape;
  require_32_bit("planar_result", s.c * s.pixels());
  const ReorderTiling t = reorder_tiling({nullptr, nullptr, s.n, s.c, s.h, s.w, s.c});
  ENGRAM_LAUNCH(planar_result_kernel, grid_of(t.tiles(s.n)), kReorderThreads, t.shared_bytes(), stream, args, t);
}

}  // namespace engram::kernels
