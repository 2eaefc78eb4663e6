#include "kernels/batch_norm/channel_gradient.cuh"

namespace engram::kernels::cuda {
namespace {

/// The gradient behind the activation, of one pack.
template <int kWidth>
__device__ __forceinline__ Pack<kWidth> load_gradient(const MaskedGradient& from, dim_t offset) {
  Pack<kWidth> d = load<kWidth>(from.grad_y + offset);
  if (from.grad_y2) {
    const Pack<kWidth> second = load<kWidth>(from.grad_y2 + offset);
    for_lanes<kWidth>([&](int i) { d.v[i] += second.v[i]; });
  }
  if (from.activation != Activation::kNone) {
    const unsigned bits = unsigned(from.mask[offset / 16]) >> (offset % 16);
    for_lanes<kWidth>([&](int i) { d.v[i] = from.value(d.v[i], bits, i); });
  }
  return d;
}

__global__ void __launch_bounds__(kChannelThreads, kChannelBlocks)
    gradient_rows_kernel(ChannelRows g, GradientMap map) {
  EMU_SHARED(float, table, [4 * kChannelThreads]);
  const ChannelThread<4> at(g);
  const int slot = int(threadIdx.x) % g.tile_columns * 4;
  Pack<4> scale = {}, center = {}, slope_x = {}, shift = {};
  if (at.row == 0 && at.active) {
    for_lanes<4>([&](int i) {
      const GradientCoefficients c = map.source(at.channel + i);
      scale.v[i] = c.scale, center.v[i] = c.center, slope_x.v[i] = c.slope_x, shift.v[i] = c.shift;
    });
    store(table + slot, scale);
    store(table + kChannelThreads + slot, center);
    store(table + 2 * kChannelThreads + slot, slope_x);
    store(table + 3 * kChannelThreads + slot, shift);
  }
  __syncthreads();
  if (!at.active) return;
  scale = load<4>(table + slot);
  center = load<4>(table + kChannelThreads + slot);
  slope_x = load<4>(table + 2 * kChannelThreads + slot);
  shift = load<4>(table + 3 * kChannelThreads + slot);
  const int end = at.end_row(g);
  for (int r = at.first_row(g) + at.row; r < end; r += 2 * g.tile_rows) {
    dim_t offset[2];
    Pack<4> d[2] = {}, x[2] = {};
#pragma unroll
    for (int k = 0; k < 2; ++k) {
      if (r + k * g.tile_rows >= end) continue;
      offset[k] = at.offset(g, r + k * g.tile_rows);
      if (map.gradient.grad_y) d[k] = load_gradient<4>(map.gradient, offset[k]);
      if (map.x && map.grad_x) x[k] = load<4>(map.x + offset[k]);
    }
#pragma unroll
    for (int k = 0; k < 2; ++k) {
      if (r + k * g.tile_rows >= end) continue;
      if (map.grad_residual) store(map.grad_residual + offset[k], d[k]);
      if (!map.grad_x) continue;
      Pack<4> result;
      for_lanes<4>([&](int i) {
        result.v[i] = scale.v[i] * d[k].v[i];
        if (map.x) result.v[i] += slope_x.v[i] * (x[k].v[i] - center.v[i]) + shift.v[i];
      });
      store(map.grad_x + offset[k], result);
    }
  }
}

/// The map element by element: any layout and alignment.
__global__ void __launch_bounds__(kChannelThreads, kChannelBlocks)
    gradient_flat_kernel(GradientMap map, ChannelOf channel_of, dim_t count) {
  const dim_t i = dim_t(blockIdx.x) * kChannelThreads + threadIdx.x;
  if (i >= count) return;
  const float d = map.gradient.grad_y ? load_gradient<1>(map.gradient, i).v[0] : 0.f;
  const float x = map.x ? map.x[i] : 0.f;
  if (map.grad_residual) map.grad_residual[i] = d;
  if (!map.grad_x) return;
  const GradientCoefficients c = map.source(channel_of(i));
  map.grad_x[i] = c.scale * d + (map.x ? c.slope_x * (x - c.center) + c.shift : 0.f);
}

/// Sums of one chunk, [chunk][c] each.
struct SumPartials {
  float *d, *dx;
  int chunks, channels;
};

template <int kWidth>
__global__ void __launch_bounds__(kChannelThreads, kChannelBlocks)
    gradient_sums_kernel(ChannelRows g, MaskedGradient gradient, const float* x, const float* centers,
                         SumPartials partials) {
  EMU_SHARED(float, scratch, [2 * kWidth * kChannelThreads]);
  const ChannelThread<kWidth> at(g);
  Pack<kWidth> sum_d = {}, sum_dx = {}, center = {};
  if (x && at.active) center = load<kWidth>(centers + at.channel);
  const int end = at.end_row(g);
  for (int r = at.first_row(g) + at.row; at.active && r < end; r += 2 * g.tile_rows) {
    Pack<kWidth> d[2] = {}, value[2] = {};
#pragma unroll
    for (int k = 0; k < 2; ++k) {
      if (r + k * g.tile_rows >= end) continue;
      const dim_t offset = at.offset(g, r + k * g.tile_rows);
      d[k] = load_gradient<kWidth>(gradient, offset);
      value[k] = x ? load<kWidth>(x + offset) : center;
    }
#pragma unroll
    for (int k = 0; k < 2; ++k) {
      if (r + k * g.tile_rows >= end) continue;
      for_lanes<kWidth>([&](int i) {
        sum_d.v[i] += d[k].v[i];
        sum_dx.v[i] += d[k].v[i] * (value[k].v[i] - center.v[i]);
      });
    }
  }
  // The threads above each other are added as a tree; each round has slots of its own, so one barrier does.
  float* scratch_x = scratch + kWidth * kChannelThreads;
  const int here = int(threadIdx.x) * kWidth;
  int half = 1;
  while (half < g.tile_rows) half *= 2;
  for (half /= 2; half > 0; half /= 2) {
    if (at.row >= half && at.row < 2 * half) {
      store(scratch + here, sum_d);
      store(scratch_x + here, sum_dx);
    }
    __syncthreads();
    if (at.row < half && at.row + half < g.tile_rows) {
      const int there = here + half * g.tile_columns * kWidth;
      const Pack<kWidth> other_d = load<kWidth>(scratch + there), other_dx = load<kWidth>(scratch_x + there);
      for_lanes<kWidth>([&](int i) {
        sum_d.v[i] += other_d.v[i];
        sum_dx.v[i] += other_dx.v[i];
      });
    }
  }
  if (at.row > 0 || !at.active) return;
  const dim_t to = dim_t(at.chunk) * partials.channels + at.channel;
  store(partials.d + to, sum_d);
  store(partials.dx + to, sum_dx);
}

/// Second stage: kMergeChannels a block, whose rows share the chunks.
__global__ void __launch_bounds__(kMergeThreads)
    merge_sums_kernel(SumPartials partials, ChannelScale scale, GradientSums sums) {
  EMU_SHARED(float, parts_d, [kMergeThreads]);
  EMU_SHARED(float, parts_dx, [kMergeThreads]);
  const int c = int(blockIdx.x) * kMergeChannels + int(threadIdx.x) % kMergeChannels;
  float d = 0, dx = 0;
#pragma unroll 4
  for (int chunk = int(threadIdx.x) / kMergeChannels; c < partials.channels && chunk < partials.chunks;
       chunk += kMergeRows) {
    d += partials.d[dim_t(chunk) * partials.channels + c];
    dx += partials.dx[dim_t(chunk) * partials.channels + c];
  }
  merge_rows([&](int slot) { parts_d[slot] = d, parts_dx[slot] = dx; },
             [&](int slot) { d += parts_d[slot], dx += parts_dx[slot]; });
  if (threadIdx.x >= kMergeChannels || c >= partials.channels) return;
  sums.sum_d[c] = d;
  sums.sum_dx[c] = dx;
  if (sums.grad_beta) sums.grad_beta[c] = d;
  if (sums.grad_gamma) sums.grad_gamma[c] = dx * scale.inverse(c);
}

}  // namespace

void launch_gradient(Stream stream, const GradientMap& map) {
  if (!map.grad_x && !map.grad_residual) return;
  if (channel_packs(map.shape, map.gradient.grad_y, map.gradient.grad_y2, map.x, map.grad_x, map.grad_residual)) {
    const ChannelRows g = channel_rows(map.shape, 4);
    ENGRAM_LAUNCH(gradient_rows_kernel, grid_of(g.blocks()), kChannelThreads, 0, stream, g, map);
  } else {
    const dim_t count = map.shape.count();
    ENGRAM_LAUNCH(gradient_flat_kernel, grid_of(ceil_div(count, kChannelThreads)), kChannelThreads, 0, stream, map,
                  channel_of(map.shape), count);
  }
}

void launch_gradient_sums(Stream stream, const ActivationShape& shape, const MaskedGradient& gradient, const float* x,
                          const float* center, const ChannelScale& scale, const GradientSums& sums, float* memory) {
  const bool packs = channel_packs(shape, gradient.grad_y, gradient.grad_y2, x, center);
  const ChannelRows g = channel_rows(shape, packs ? 4 : 1);
  const SumPartials partials = {memory, memory + dim_t(g.chunks) * shape.c, g.chunks, int(shape.c)};
  if (packs) {
    ENGRAM_LAUNCH(gradient_sums_kernel<4>, grid_of(g.blocks()), kChannelThreads, 0, stream, g, gradient, x, center,
                  partials);
  } else {
    ENGRAM_LAUNCH(gradient_sums_kernel<1>, grid_of(g.blocks()), kChannelThreads, 0, stream, g, gradient, x, center,
                  partials);
  }
  ENGRAM_LAUNCH(merge_sums_kernel, grid_of(ceil_div(shape.c, kMergeChannels)), kMergeThreads, 0, stream, partials,
                scale, sums);
}

}  // namespace engram::kernels::cuda
