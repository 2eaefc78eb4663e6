#include <algorithm>
#include <cstring>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/pool/pool.h"

namespace engram::kernels {
namespace {

// The unit of work is a plane: the pixels of one image and one channel block, [H, W, block]. Planes are independent, so
// a scatter inside one plane needs no atomics and has a fixed order.

/// The rows or columns of the input that window `o` covers.
struct Range {
  dim_t begin, end;
};

ENGRAM_ALWAYS_INLINE Range covered(dim_t o, dim_t stride, dim_t pad, dim_t kernel, dim_t extent) {
  const dim_t first = o * stride - pad;
  return {std::max<dim_t>(0, first), std::min(extent, first + kernel)};
}

ENGRAM_ALWAYS_INLINE Range rows_of(const WindowGeometry& g, dim_t oh) {
  return covered(oh, g.stride_h, g.pad_h, g.kernel_h, g.x.h);
}
ENGRAM_ALWAYS_INLINE Range columns_of(const WindowGeometry& g, dim_t ow) {
  return covered(ow, g.stride_w, g.pad_w, g.kernel_w, g.x.w);
}

ENGRAM_ALWAYS_INLINE bool wins(float candidate, float best) {
  return (candidate > best) | ((candidate != candidate) & (best == best));
}

/// Lanes of one pixel: a compile-time 1 or 16, or (0) the run-time block.
template <int kBlock>
ENGRAM_ALWAYS_INLINE dim_t lanes(dim_t block) {
  return kBlock ? kBlock : block;
}

/// Winners of `count` (at most 16) neighbouring lanes of one window.
template <int kCount>
ENGRAM_ALWAYS_INLINE void max_window(const WindowGeometry& g, Range hs, Range ws, dim_t block, const float* x,
                                     dim_t count, float* y, std::int32_t* index) {
  const dim_t n = kCount ? kCount : count;
  float best[16];
  std::int32_t at[16];
  const auto first = std::int32_t(hs.begin * g.x.w + ws.begin);
  for (dim_t l = 0; l < n; ++l) {
    best[l] = x[first * block + l];
    at[l] = first;
  }
  for (dim_t h = hs.begin; h < hs.end; ++h) {
    for (dim_t w = ws.begin; w < ws.end; ++w) {
      const auto position = std::int32_t(h * g.x.w + w);
      const float* p = x + position * block;
#pragma GCC unroll 1  // unrolled whole, the loop would not become vector code
      for (dim_t l = 0; l < n; ++l) {
        const float candidate = p[l];
        const bool better = wins(candidate, best[l]);
        best[l] = better ? candidate : best[l];
        at[l] = better ? position : at[l];
      }
    }
  }
  for (dim_t l = 0; l < n; ++l) y[l] = best[l];
  if (index) {
    for (dim_t l = 0; l < n; ++l) index[l] = at[l];
  }
}

ENGRAM_MULTIVERSION void max_pool_plane(const WindowGeometry& g, const float* x, float* y, std::int32_t* index) {
  const dim_t block = g.x.block, out_h = g.out_h(), out_w = g.out_w();
  for (dim_t oh = 0; oh < out_h; ++oh) {
    const Range hs = rows_of(g, oh);
    for (dim_t ow = 0; ow < out_w; ++ow) {
      const Range ws = columns_of(g, ow);
      const dim_t out = (oh * out_w + ow) * block;
      for (dim_t l = 0; l < block; l += 16) {
        std::int32_t* at = index ? index + out + l : nullptr;
        if (block - l >= 16) {
          max_window<16>(g, hs, ws, block, x + l, 16, y + out + l, at);
        } else if (block == 1) {
          max_window<1>(g, hs, ws, block, x, 1, y + out, at);
        } else {
          max_window<0>(g, hs, ws, block, x + l, block - l, y + out + l, at);
        }
      }
    }
  }
}

template <int kBlock>
ENGRAM_ALWAYS_INLINE void scatter(const WindowGeometry& g, const float* dy, const std::int32_t* index, float* dx) {
  const dim_t block = lanes<kBlock>(g.x.block), outputs = g.out_h() * g.out_w();
  std::fill(dx, dx + g.x.pixels() * block, 0.f);
  for (dim_t o = 0; o < outputs; ++o)
    for (dim_t l = 0; l < block; ++l) dx[index[o * block + l] * block + l] += dy[o * block + l];
}

/// The scatter for 16 lanes without indexed stores: each pixel of a window takes dy in the lanes that it won. The order
/// of the additions is that of `scatter`.
ENGRAM_ALWAYS_INLINE void scatter_16(const WindowGeometry& g, const float* dy, const std::int32_t* index, float* dx) {
  const dim_t out_h = g.out_h(), out_w = g.out_w();
  std::fill(dx, dx + g.x.pixels() * 16, 0.f);
  for (dim_t oh = 0; oh < out_h; ++oh) {
    const Range hs = rows_of(g, oh);
    for (dim_t ow = 0; ow < out_w; ++ow) {
      const Range ws = columns_of(g, ow);
      float gradient[16];
      std::int32_t winner[16];
      std::memcpy(gradient, dy + (oh * out_w + ow) * 16, sizeof(gradient));
      std::memcpy(winner, index + (oh * out_w + ow) * 16, sizeof(winner));
      for (dim_t h = hs.begin; h < hs.end; ++h) {
        for (dim_t w = ws.begin; w < ws.end; ++w) {
          const auto position = std::int32_t(h * g.x.w + w);
          float* out = dx + position * 16;
          for (int l = 0; l < 16; ++l) out[l] += winner[l] == position ? gradient[l] : 0.f;
        }
      }
    }
  }
}

template <int kBlock>
ENGRAM_ALWAYS_INLINE void gather_plane(const WindowGeometry& g, const float* x, const std::int32_t* index, float* y) {
  const dim_t block = lanes<kBlock>(g.x.block), outputs = g.out_h() * g.out_w();
  for (dim_t o = 0; o < outputs; ++o)
    for (dim_t l = 0; l < block; ++l) y[o * block + l] = x[index[o * block + l] * block + l];
}

/// 1 / divisor of the window over `hs` and `ws`.
ENGRAM_ALWAYS_INLINE float window_scale(const WindowGeometry& g, bool count_padding, Range hs, Range ws) {
  return 1.f / float(count_padding ? g.kernel_h * g.kernel_w : (hs.end - hs.begin) * (ws.end - ws.begin));
}

template <int kBlock>
ENGRAM_ALWAYS_INLINE void avg_plane(const WindowGeometry& g, bool count_padding, const float* x, float* y) {
  const dim_t block = lanes<kBlock>(g.x.block), out_h = g.out_h(), out_w = g.out_w();
  for (dim_t oh = 0; oh < out_h; ++oh) {
    const Range hs = rows_of(g, oh);
    for (dim_t ow = 0; ow < out_w; ++ow) {
      const Range ws = columns_of(g, ow);
      const float scale = window_scale(g, count_padding, hs, ws);
      float* out = y + (oh * out_w + ow) * block;
      for (dim_t first = 0; first < block; first += 16) {
        const dim_t n = kBlock ? kBlock : std::min<dim_t>(16, block - first);
        float sum[16] = {};
        for (dim_t h = hs.begin; h < hs.end; ++h)
          for (dim_t w = ws.begin; w < ws.end; ++w)
            for (dim_t l = 0; l < n; ++l) sum[l] += x[(h * g.x.w + w) * block + first + l];
        for (dim_t l = 0; l < n; ++l) out[first + l] = sum[l] * scale;
      }
    }
  }
}

template <int kBlock>
ENGRAM_ALWAYS_INLINE void avg_plane_backward(const WindowGeometry& g, bool count_padding, const float* dy, float* dx) {
  const dim_t block = lanes<kBlock>(g.x.block), out_h = g.out_h(), out_w = g.out_w();
  std::fill(dx, dx + g.x.pixels() * block, 0.f);
  for (dim_t oh = 0; oh < out_h; ++oh) {
    const Range hs = rows_of(g, oh);
    for (dim_t ow = 0; ow < out_w; ++ow) {
      const Range ws = columns_of(g, ow);
      const float scale = window_scale(g, count_padding, hs, ws);
      const float* in = dy + (oh * out_w + ow) * block;
      for (dim_t h = hs.begin; h < hs.end; ++h)
        for (dim_t w = ws.begin; w < ws.end; ++w)
          for (dim_t l = 0; l < block; ++l) dx[(h * g.x.w + w) * block + l] += in[l] * scale;
    }
  }
}

/// Calls `visit.template operator()<b>()`, b = 16, 1, or 0 for any other block.
template <class Visitor>
ENGRAM_ALWAYS_INLINE void visit_block(dim_t block, const Visitor& visit) {
  if (block == 16) {
    visit.template operator()<16>();
  } else if (block == 1) {
    visit.template operator()<1>();
  } else {
    visit.template operator()<0>();
  }
}

ENGRAM_MULTIVERSION void scatter_any(const WindowGeometry& g, const float* dy, const std::int32_t* index, float* dx) {
  visit_block(
      g.x.block, [&]<int kBlock>() __attribute__((always_inline)) { scatter<kBlock>(g, dy, index, dx); });
}
ENGRAM_MULTIVERSION void gather_any(const WindowGeometry& g, const float* x, const std::int32_t* index, float* y) {
  visit_block(
      g.x.block, [&]<int kBlock>() __attribute__((always_inline)) { gather_plane<kBlock>(g, x, index, y); });
}
ENGRAM_MULTIVERSION void avg_any(const WindowGeometry& g, bool count_padding, const float* x, float* y) {
  visit_block(
      g.x.block, [&]<int kBlock>() __attribute__((always_inline)) { avg_plane<kBlock>(g, count_padding, x, y); });
}
ENGRAM_MULTIVERSION void avg_backward_any(const WindowGeometry& g, bool count_padding, const float* dy, float* dx) {
  visit_block(
      g.x.block, [&]<int kBlock>()
                     __attribute__((always_inline)) { avg_plane_backward<kBlock>(g, count_padding, dy, dx); });
}

/// Calls `body(input_offset, output_offset)`, in elements, for each plane.
template <class Body>
void for_each_plane(const WindowGeometry& g, const Body& body) {
  const dim_t in = g.x.pixels() * g.x.block, out = g.out_h() * g.out_w() * g.x.block;
  parallel_for(g.x.n * g.x.blocks(), in + out * g.kernel_h * g.kernel_w, [&](dim_t p) { body(p * in, p * out); });
}

void max_pool(Stream, const MaxPoolArgs& a) {
  for_each_plane(a.geometry, [&](dim_t in, dim_t out) {
    max_pool_plane(a.geometry, a.x + in, a.y + out, a.index ? a.index + out : nullptr);
  });
}

void max_pool_backward(Stream, const MaxPoolBackwardArgs& a) {
  for_each_plane(a.geometry,
                 [&](dim_t in, dim_t out) { scatter_any(a.geometry, a.dy + out, a.index + out, a.dx + in); });
}

void gather(Stream, const PoolGatherArgs& a) {
  for_each_plane(a.geometry, [&](dim_t in, dim_t out) { gather_any(a.geometry, a.x + in, a.index + out, a.y + out); });
}

void avg_pool(Stream, const AvgPoolArgs& a) {
  for_each_plane(a.geometry, [&](dim_t in, dim_t out) { avg_any(a.geometry, a.count_padding, a.x + in, a.y + out); });
}

void avg_pool_backward(Stream, const AvgPoolBackwardArgs& a) {
  for_each_plane(a.geometry,
                 [&](dim_t in, dim_t out) { avg_backward_any(a.geometry, a.count_padding, a.dy + out, a.dx + in); });
}

/// Means of the `block` lanes of one plane; runs of at most 64 values are added in f32, the rest in double.
ENGRAM_MULTIVERSION void mean_of_plane(const float* x, dim_t pixels, dim_t block, float* y) {
  const double scale = 1.0 / double(pixels);
  if (block == 1) {
    double total = 0;
    dim_t p = 0;
    for (; p + 64 <= pixels; p += 64) {
      total += double(sum_lanes16((load16(x + p) + load16(x + p + 16)) + (load16(x + p + 32) + load16(x + p + 48))));
    }
    for (; p < pixels; ++p) total += double(x[p]);
    *y = float(total * scale);
    return;
  }
  for (dim_t first = 0; first < block; first += 16) {
    const dim_t n = std::min<dim_t>(16, block - first);
    double sum[16] = {};
    if (n == 16) {
      for (dim_t p = 0; p < pixels; ++p)
        for (int l = 0; l < 16; ++l) sum[l] += double(x[p * block + first + l]);
    } else {
      for (dim_t p = 0; p < pixels; ++p)
        for (dim_t l = 0; l < n; ++l) sum[l] += double(x[p * block + first + l]);
    }
    for (dim_t l = 0; l < n; ++l) y[first + l] = float(sum[l] * scale);
  }
}

ENGRAM_MULTIVERSION void spread_over_plane(const float* dy, dim_t pixels, dim_t block, float* dx) {
  const float scale = 1.f / float(pixels);
  if (block == 16) {
    const Vec16 v = load16(dy) * scale;
    for (dim_t p = 0; p < pixels; ++p) store16(dx + 16 * p, v);
  } else if (block == 1) {
    std::fill(dx, dx + pixels, *dy * scale);
  } else {
    for (dim_t p = 0; p < pixels; ++p)
      for (dim_t l = 0; l < block; ++l) dx[p * block + l] = dy[l] * scale;
  }
}

void global_avg_pool(Stream, const GlobalAvgPoolArgs& a) {
  const dim_t block = a.shape.block, pixels = a.shape.pixels();
  parallel_for(a.shape.n * a.shape.blocks(), pixels * block,
               [&](dim_t p) { mean_of_plane(a.x + p * pixels * block, pixels, block, a.y + p * block); });
}

void global_avg_pool_backward(Stream, const GlobalAvgPoolBackwardArgs& a) {
  const dim_t block = a.shape.block, pixels = a.shape.pixels();
  parallel_for(a.shape.n * a.shape.blocks(), pixels * block,
               [&](dim_t p) { spread_over_plane(a.dy + p * block, pixels, block, a.dx + p * pixels * block); });
}

}  // namespace

Cost max_pool_cost(const WindowGeometry& g, bool with_index) {
  const dim_t outputs = g.y().count();
  return {g.x.count() * 4, outputs * (with_index ? 8 : 4), outputs * g.kernel_h * g.kernel_w};
}

Cost max_pool_backward_cost(const WindowGeometry& g) {
  const dim_t outputs = g.y().count();
  return {outputs * 8, g.x.count() * 4, outputs};
}

Cost avg_pool_cost(const WindowGeometry& g) {
  const dim_t outputs = g.y().count();
  return {g.x.count() * 4, outputs * 4, outputs * g.kernel_h * g.kernel_w};
}

Cost global_avg_pool_cost(const ActivationShape& shape) {
  return {shape.count() * 4, shape.n * shape.c * 4, shape.count()};
}

const PoolKernels kCpuPool = {
    max_pool, max_pool_backward, gather, avg_pool, avg_pool_backward, global_avg_pool, global_avg_pool_backward,
};

}  // namespace engram::kernels
