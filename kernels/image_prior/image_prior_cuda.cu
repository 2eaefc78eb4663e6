#include <algorithm>

#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/common/cuda/divisor.cuh"
#include "kernels/common/cuda/pack.cuh"
#include "kernels/image_prior/image_prior.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

constexpr int kThreads = 256;
/// f32 values of a staged tile: 24 KB, so that an SM holds enough blocks.
constexpr int kTileCapacity = 6144;
/// Small planes are taken several at a time up to this many pixels.
constexpr int kTilePixels = 4096;

/// How a batch of planes is cut into tiles of whole rows: several planes, or a part of one. A tile and the rows above
/// and below it are staged in shared memory, since each pixel is used by up to nine.
struct Tiling {
  dim_t planes;
  int h, w;
  int tile_planes;  ///< planes of a tile; 1 if rows are cut
  int tile_rows;    ///< rows of a tile in one plane
  int row_tiles;    ///< tiles of a plane
  bool staged;      ///< false for rows so wide that a tile would be mostly border: read through the cache instead
  bool vectors;     ///< rows and planes begin at multiples of 16 bytes
  Divisor by_w, by_plane;

  dim_t tiles() const { return ceil_div(planes, tile_planes) * row_tiles; }
  std::size_t shared_bytes() const {
    const int rows = tile_planes > 1 || row_tiles == 1 ? tile_planes * h : tile_rows + 2;
    return staged ? std::size_t(rows) * std::size_t(w) * sizeof(float) : 0;
  }
};

Tiling tiling(dim_t planes, dim_t h, dim_t w, const float* x) {
  Tiling t = {};
  t.planes = planes;
  t.h = int(h);
  t.w = int(w);
  const dim_t plane = h * w;
  t.tile_planes = int(std::max<dim_t>(1, std::min<dim_t>(planes, kTilePixels / plane)));
  t.tile_rows = int(plane <= kTileCapacity ? h : std::max<dim_t>(1, std::min<dim_t>(h, kTileCapacity / w - 2)));
  t.staged = plane <= kTileCapacity || kTileCapacity / w - 2 >= 4;
  if (!t.staged) t.tile_rows = int(std::min<dim_t>(h, 4));
  t.row_tiles = int(ceil_div(h, t.tile_rows));
  t.vectors = aligned16(x) && w % 4 == 0;
  t.by_w = Divisor(w);
  t.by_plane = Divisor(plane);
  return t;
}

/// The tile of this block: `count` pixels from `first` of the tensor on; `view[p]` is the pixel p after the first one,
/// also for the row below and (if asked for) the row above, where they exist.
struct Tile {
  const float* view;
  dim_t first;
  int row0;  ///< of its first pixel within the plane
  int count;
};

__device__ __forceinline__ Tile load_tile(const float* x, const Tiling& t, bool with_above, float* shared) {
  const dim_t group = dim_t(blockIdx.x) / t.row_tiles, plane = group * t.tile_planes;
  const int row0 = int(dim_t(blockIdx.x) - group * t.row_tiles) * t.tile_rows;
  const int planes = int(min(dim_t(t.tile_planes), t.planes - plane));
  const int rows = t.row_tiles == 1 ? planes * t.h : min(t.tile_rows, t.h - row0);
  const dim_t first = (plane * t.h + row0) * t.w;
  if (!t.staged) return {x + first, first, row0, rows * t.w};
  const bool above = with_above && row0 > 0, below = t.row_tiles > 1 && row0 + rows < t.h;
  const int staged = (rows + int(above) + int(below)) * t.w;
  const float* from = x + first - (above ? t.w : 0);
  if (t.vectors) {
    for (int i = int(threadIdx.x) * 4; i < staged; i += kThreads * 4) store(shared + i, load<4>(from + i));
  } else {
    for (int i = int(threadIdx.x); i < staged; i += kThreads) shared[i] = from[i];
  }
  __syncthreads();
  return {shared + (above ? t.w : 0), first, row0, rows * t.w};
}

/// Row and column, within its plane, of pixel p of the tile.
struct Place {
  int row, column;
};

__device__ __forceinline__ Place place(const Tiling& t, const Tile& tile, int p) {
  const int line = int(t.by_w.quotient(std::uint32_t(p))), column = p - line * t.w;
  if (t.row_tiles > 1) return {tile.row0 + line, column};
  const int plane = int(t.by_plane.quotient(std::uint32_t(p)));
  return {line - plane * t.h, column};
}

/// First stage: the five sums of squares of a tile, [tiles][5].
__global__ void __launch_bounds__(kThreads) square_sums_kernel(const float* x, Tiling t, double* partials) {
  EMU_DYNAMIC_SHARED(float, shared);
  EMU_SHARED(double, scratch, [kNumImageNorms][kThreads / kWarp]);
  const Tile tile = load_tile(x, t, false, shared);
  float sums[kNumImageNorms] = {};
  for (int p = int(threadIdx.x); p < tile.count; p += kThreads) {
    const Place at = place(t, tile, p);
    const bool right = at.column + 1 < t.w, down = at.row + 1 < t.h;
    const float* v = tile.view + p;
    const float here = v[0];
    if (right) sums[0] += (here - v[1]) * (here - v[1]);
    if (down) sums[1] += (here - v[t.w]) * (here - v[t.w]);
    if (right && down) {
      sums[2] += (v[t.w] - v[1]) * (v[t.w] - v[1]);
      sums[3] += (here - v[t.w + 1]) * (here - v[t.w + 1]);
    }
    sums[4] += here * here;
  }
#pragma unroll
  for (int k = 0; k < kNumImageNorms; ++k) {
    const double sum = block_sum<kThreads>(double(sums[k]), scratch[k]);
    if (threadIdx.x == 0) partials[dim_t(blockIdx.x) * kNumImageNorms + k] = sum;
  }
}

/// Second stage: one block.
__global__ void __launch_bounds__(kThreads)
    norms_kernel(const double* partials, int tiles, float* norms, float* tv, float* l2) {
  EMU_SHARED(double, scratch, [kNumImageNorms][kThreads / kWarp]);
  double total = 0;
#pragma unroll
  for (int k = 0; k < kNumImageNorms; ++k) {
    double sum = 0;
    for (int i = int(threadIdx.x); i < tiles; i += kThreads) sum += partials[dim_t(i) * kNumImageNorms + k];
    const double norm = sqrt(block_sum<kThreads>(sum, scratch[k]));
    if (threadIdx.x == 0) norms[k] = float(norm);
    if (k < 4) total += norm;
    if (k == 4 && l2 && threadIdx.x == 0) *l2 = float(norm);
  }
  if (tv && threadIdx.x == 0) *tv = float(total);
}

/// What multiplies each difference: grad / norm, or 0. In the order of the norms.
__device__ __forceinline__ float weight(const float* gradient, const float* norms, int k) {
  return gradient && norms[k] > 0.f ? *gradient / norms[k] : 0.f;
}

/// Every difference pulls its two ends together, so the gradient of a pixel is the sum of weight (x - neighbour) over
/// its neighbours that exist.
__global__ void __launch_bounds__(kThreads) gradient_kernel(const float* x, Tiling t, const float* norms,
                                                            const float* grad_tv, const float* grad_l2, float* grad_x) {
  EMU_DYNAMIC_SHARED(float, shared);
  EMU_SHARED(float, weights, [kNumImageNorms]);
  if (threadIdx.x < kNumImageNorms) {
    const int k = int(threadIdx.x);
    weights[k] = weight(k < 4 ? grad_tv : grad_l2, norms, k);
  }
  const Tile tile = load_tile(x, t, true, shared);
  if (!t.staged) __syncthreads();
  const float side = weights[0], vertical = weights[1], rising = weights[2], falling = weights[3], self = weights[4];
  for (int p = int(threadIdx.x); p < tile.count; p += kThreads) {
    const Place at = place(t, tile, p);
    const bool left = at.column > 0, right = at.column + 1 < t.w, up = at.row > 0, down = at.row + 1 < t.h;
    const float* v = tile.view + p;
    const float here = v[0];
    float g = self * here;
    if (left) g += side * (here - v[-1]);
    if (right) g += side * (here - v[1]);
    if (up) g += vertical * (here - v[-t.w]);
    if (down) g += vertical * (here - v[t.w]);
    if (up && left) g += falling * (here - v[-t.w - 1]);
    if (down && right) g += falling * (here - v[t.w + 1]);
    if (up && right) g += rising * (here - v[-t.w + 1]);
    if (down && left) g += rising * (here - v[t.w - 1]);
    grad_x[tile.first + p] = g;
  }
}

void forward(Stream stream, const ImagePriorForwardArgs& args) {
  require_32_bit("image_prior", args.h * args.w);
  const Tiling t = tiling(args.planes, args.h, args.w, args.x);
  require_32_bit("image_prior", t.tiles());
  ENGRAM_LAUNCH(square_sums_kernel, grid_of(t.tiles()), kThreads, t.shared_bytes(), stream, args.x, t, args.workspace);
  ENGRAM_LAUNCH(norms_kernel, dim3(1), kThreads, 0, stream, args.workspace, int(t.tiles()), args.norms, args.tv,
                args.l2);
}

void backward(Stream stream, const ImagePriorBackwardArgs& args) {
  require_32_bit("image_prior", args.h * args.w);
  const Tiling t = tiling(args.planes, args.h, args.w, args.x);
  ENGRAM_LAUNCH(gradient_kernel, grid_of(t.tiles()), kThreads, t.shared_bytes(), stream, args.x, t, args.norms,
                args.grad_tv, args.grad_l2, args.grad_x);
}

std::size_t workspace_bytes(dim_t planes, dim_t h, dim_t w) {
  return std::size_t(tiling(planes, h, w, nullptr).tiles()) * kNumImageNorms * sizeof(double);
}

}  // namespace

const ImagePriorKernels kCudaImagePrior = {forward, backward, workspace_bytes};

}  // namespace engram::kernels
