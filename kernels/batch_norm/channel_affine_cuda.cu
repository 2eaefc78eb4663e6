#include "kernels/batch_norm/channel_affine.cuh"

namespace engram::kernels::cuda {
namespace {

/// Stores one row's results and mask bits; every lane of the warp calls it, those without a row with `has` false. The
/// residual is read here, when the moments of x need no registers any more.
__device__ __forceinline__ void write_row(const AffineMap& map, const Pack<4>& x, const Pack<4>& center,
                                          const Pack<4>& scale, const Pack<4>& shift, dim_t offset, bool has) {
  Pack<4> y, residual = {};
  if (has && map.residual) residual = load<4>(map.residual + offset);
  unsigned bits = 0;
  for_lanes<4>([&](int i) {
    const Activated a =
        activated((x.v[i] - center.v[i]) * scale.v[i] + shift.v[i] + residual.v[i], map.activation, map.slope);
    y.v[i] = a.value;
    bits |= unsigned(a.passes) << i;
  });
  if (has) store(map.y + offset, y);
  if (!map.mask) return;
  // Four neighbouring lanes hold the 16 channels of one mask word.
  const unsigned lane = threadIdx.x % 4;
  unsigned word = bits << (4 * lane);
  word |= __shfl_xor_sync(kFullMask, word, 1);
  word |= __shfl_xor_sync(kFullMask, word, 2);
  if (has && lane == 0) map.mask[offset / 16] = std::uint16_t(word);
}

template <bool kMoments, bool kOutput>
__global__ void __launch_bounds__(kChannelThreads, kChannelBlocks)
    affine_rows_kernel(ChannelRows g, AffineMap map, MomentPartials partials) {
  EMU_SHARED(float, scratch, [kMomentScratch<4>]);
  const ChannelThread<4> at(g);
  Pack<4> center = {}, scale = {}, shift = {};
  if constexpr (kOutput) {  // the first thread row computes the coefficients for all
    const int slot = int(threadIdx.x) % g.tile_columns * 4;
    constexpr int kNext = kChannelThreads;
    if (at.row == 0 && at.active) {
      for_lanes<4>([&](int i) {
        center.v[i] = map.center[at.channel + i];
        scale.v[i] = map.scale(at.channel + i);
        shift.v[i] = map.shift ? map.shift[at.channel + i] : 0.f;
      });
      store(scratch + slot, center);
      store(scratch + kNext + slot, scale);
      store(scratch + 2 * kNext + slot, shift);
    }
    __syncthreads();
    if (at.active) {
      center = load<4>(scratch + slot);
      scale = load<4>(scratch + kNext + slot);
      shift = load<4>(scratch + 2 * kNext + slot);
    }
  }
  ThreadMoments<4> moments;
  const int end = at.end_row(g);
  for (int r = at.first_row(g); r < end; r += 2 * g.tile_rows) {
    const int row[2] = {r + at.row, r + at.row + g.tile_rows};
    Pack<4> x[2] = {};
    dim_t offset[2];
    bool has[2];
#pragma unroll
    for (int k = 0; k < 2; ++k) {
      has[k] = at.active && row[k] < end;
      offset[k] = has[k] ? at.offset(g, row[k]) : 0;
      if (has[k]) x[k] = load<4>(map.x + offset[k]);
    }
    if (kMoments && has[0]) moments.add(x[0], x[1], has[1]);
    if constexpr (kOutput) {
#pragma unroll
      for (int k = 0; k < 2; ++k) write_row(map, x[k], center, scale, shift, offset[k], has[k]);
    }
  }
  // Its first barrier comes before it overwrites the coefficients.
  if constexpr (kMoments) merge_block(g, at, moments, scratch, partials);
}

/// Moments of single columns: any layout and alignment.
__global__ void __launch_bounds__(kChannelThreads, kChannelBlocks)
    moments_kernel(ChannelRows g, const float* x, MomentPartials partials) {
  EMU_SHARED(float, scratch, [kMomentScratch<1>]);
  const ChannelThread<1> at(g);
  ThreadMoments<1> moments;
  const int end = at.end_row(g);
  for (int r = at.first_row(g) + at.row; at.active && r < end; r += 2 * g.tile_rows) {
    const bool both = r + g.tile_rows < end;
    const Pack<1> first = load<1>(x + at.offset(g, r));
    const Pack<1> second = both ? load<1>(x + at.offset(g, r + g.tile_rows)) : first;
    moments.add(first, second, both);
  }
  merge_block(g, at, moments, scratch, partials);
}

/// The map element by element: any layout and alignment.
__global__ void __launch_bounds__(kChannelThreads, kChannelBlocks)
    affine_flat_kernel(AffineMap map, ChannelOf channel_of, dim_t count) {
  const dim_t i = dim_t(blockIdx.x) * kChannelThreads + threadIdx.x;
  bool passes = false;
  if (i < count) {
    const int c = channel_of(i);
    const float shift = (map.shift ? map.shift[c] : 0.f) + (map.residual ? map.residual[i] : 0.f);
    const Activated a = activated((map.x[i] - map.center[c]) * map.scale(c) + shift, map.activation, map.slope);
    map.y[i] = a.value;
    passes = a.passes;
  }
  const unsigned bits = __ballot_sync(kFullMask, passes);
  const unsigned lane = threadIdx.x % kWarp;
  if (map.mask && i < count && lane % 16 == 0) map.mask[i / 16] = std::uint16_t(bits >> lane);
}

bool takes_packs(const AffineMap& map) {
  return channel_packs(map.shape, map.x, map.residual, map.y);
}

void launch_flat(Stream stream, const AffineMap& map) {
  const dim_t count = map.shape.count();
  ENGRAM_LAUNCH(affine_flat_kernel, grid_of(ceil_div(count, kChannelThreads)), kChannelThreads, 0, stream, map,
                channel_of(map.shape), count);
}

}  // namespace

MomentPartials affine_moments(const AffineMap& map, float* memory) {
  return moment_partials(channel_rows(map.shape, takes_packs(map) ? 4 : 1), int(map.shape.c), memory);
}

void launch_affine(Stream stream, const AffineMap& map) {
  if (!takes_packs(map)) return launch_flat(stream, map);
  const ChannelRows g = channel_rows(map.shape, 4);
  ENGRAM_LAUNCH((affine_rows_kernel<false, true>), grid_of(g.blocks()), kChannelThreads, 0, stream, g, map,
                MomentPartials{});
}

MomentPartials launch_affine_moments(Stream stream, const AffineMap& map, float* memory) {
  const MomentPartials partials = affine_moments(map, memory);
  const bool packs = takes_packs(map);
  const ChannelRows g = channel_rows(map.shape, packs ? 4 : 1);
  const dim3 grid = grid_of(g.blocks());
  if (!packs) {
    ENGRAM_LAUNCH(moments_kernel, grid, kChannelThreads, 0, stream, g, map.x, partials);
    if (map.y) launch_flat(stream, map);  // after the moments: y may be x
  } else if (map.y) {
    ENGRAM_LAUNCH((affine_rows_kernel<true, true>), grid, kChannelThreads, 0, stream, g, map, partials);
  } else {
    ENGRAM_LAUNCH((affine_rows_kernel<true, false>), grid, kChannelThreads, 0, stream, g, map, partials);
  }
  return partials;
}

}  // namespace engram::kernels::cuda
