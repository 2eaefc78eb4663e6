#include <algorithm>

#include "kernels/common/lanes.h"
#include "kernels/common/parallel.h"
#include "kernels/depthwise_conv/depthwise_conv.h"

namespace engram::kernels {
namespace {

// The unit of work is a plane: the pixels of one image and one channel block, [H, W, block], in groups of at most 16
// lanes. Lanes are neighbouring channels, or, in planar data, one.

/// Taps [first, last) of a window along one axis that lie inside the input.
struct Range {
  dim_t first, last;
};

ENGRAM_ALWAYS_INLINE Range taps_inside(dim_t o, dim_t stride, dim_t pad, dim_t kernel, dim_t extent) {
  const dim_t start = o * stride - pad;
  return {std::max<dim_t>(0, -start), std::min(kernel, extent - start)};
}

/// Outputs [first, last) along one axis for which tap `k` lies inside the input.
ENGRAM_ALWAYS_INLINE Range outputs_inside(dim_t k, dim_t stride, dim_t pad, dim_t extent, dim_t outputs) {
  const dim_t shift = k - pad;  // tap k of output o reads o * stride + shift
  const dim_t first = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
  const dim_t last = extent <= shift ? 0 : (extent - shift - 1) / stride + 1;
  return {std::min(first, outputs), std::max(std::min(first, outputs), std::min(last, outputs))};
}

/// Windows of neighbouring channels, [channels, taps], taken as they lie or from the last tap to the first.
struct Windows {
  const float* weight;
  dim_t taps;
  bool mirrored = false;

  ENGRAM_ALWAYS_INLINE float at(dim_t channel, dim_t tap) const {
    return weight[channel * taps + (mirrored ? taps - 1 - tap : tap)];
  }
  ENGRAM_ALWAYS_INLINE Windows from_channel(dim_t channel) const { return {weight + channel * taps, taps, mirrored}; }
};

/// The first `lanes` windows as [taps][16].
ENGRAM_ALWAYS_INLINE void load_weights(const Windows& windows, dim_t lanes, float* packed) {
  for (dim_t t = 0; t < windows.taps; ++t)
    for (dim_t l = 0; l < lanes; ++l) packed[16 * t + l] = windows.at(l, t);
}

/// One output row of 16 lanes; pixels lie `step` values apart.
template <class V>
ENGRAM_ALWAYS_INLINE void forward_row_16(const WindowGeometry& g, dim_t oh, const float* x, const float* w, V bias,
                                         bool relu, dim_t step, float* y) {
  const dim_t out_w = g.out_w();
  const Range rows = taps_inside(oh, g.stride_h, g.pad_h, g.kernel_h, g.x.h);
  for (dim_t ow = 0; ow < out_w; ++ow) {
    const Range columns = taps_inside(ow, g.stride_w, g.pad_w, g.kernel_w, g.x.w);
    V sum = bias;
    for (dim_t kh = rows.first; kh < rows.last; ++kh) {
      const float* in = x + ((oh * g.stride_h - g.pad_h + kh) * g.x.w + ow * g.stride_w - g.pad_w) * step;
      const float* wrow = w + kh * g.kernel_w * 16;
      for (dim_t kw = columns.first; kw < columns.last; ++kw)
        sum += load16<V>(in + kw * step) * load16<V>(wrow + 16 * kw);
    }
    if (relu) sum = select(sum > 0.f, sum, V{});
    store16(y + ow * step, sum);
  }
}

/// The same for any number of lanes.
ENGRAM_ALWAYS_INLINE void forward_row(const WindowGeometry& g, dim_t oh, const float* x, const float* w,
                                      const float* bias, bool relu, dim_t lanes, dim_t step, float* y) {
  const dim_t out_w = g.out_w();
  const Range rows = taps_inside(oh, g.stride_h, g.pad_h, g.kernel_h, g.x.h);
  for (dim_t ow = 0; ow < out_w; ++ow)
    for (dim_t l = 0; l < lanes; ++l) y[ow * step + l] = bias[l];
  for (dim_t kh = rows.first; kh < rows.last; ++kh)
    for (dim_t kw = 0; kw < g.kernel_w; ++kw) {
      const Range outputs = outputs_inside(kw, g.stride_w, g.pad_w, g.x.w, out_w);
      const float* in = x + ((oh * g.stride_h - g.pad_h + kh) * g.x.w + kw - g.pad_w) * step;
      const float* tap = w + (kh * g.kernel_w + kw) * 16;
      for (dim_t ow = outputs.first; ow < outputs.last; ++ow)
        for (dim_t l = 0; l < lanes; ++l) y[ow * step + l] += in[ow * g.stride_w * step + l] * tap[l];
    }
  if (!relu) return;
  for (dim_t ow = 0; ow < out_w; ++ow)
    for (dim_t l = 0; l < lanes; ++l) y[ow * step + l] = std::max(0.f, y[ow * step + l]);
}

/// One plane of planar data whose windows stride by one: whole rows at a time.
ENGRAM_ALWAYS_INLINE void forward_plane_flat(const WindowGeometry& g, const float* x, const Windows& windows,
                                             float bias, bool relu, float* y) {
  const dim_t out_h = g.out_h(), out_w = g.out_w();
  for (dim_t oh = 0; oh < out_h; ++oh) {
    float* const row = y + oh * out_w;
    std::fill(row, row + out_w, bias);
    const Range rows = taps_inside(oh, g.stride_h, g.pad_h, g.kernel_h, g.x.h);
    for (dim_t kh = rows.first; kh < rows.last; ++kh)
      for (dim_t kw = 0; kw < g.kernel_w; ++kw) {
        const Range outputs = outputs_inside(kw, 1, g.pad_w, g.x.w, out_w);
        const float* in = x + (oh * g.stride_h - g.pad_h + kh) * g.x.w + kw - g.pad_w;
        const float tap = windows.at(0, kh * g.kernel_w + kw);
        for (dim_t ow = outputs.first; ow < outputs.last; ++ow) row[ow] += in[ow] * tap;
      }
    if (relu)
      for (dim_t ow = 0; ow < out_w; ++ow) row[ow] = std::max(0.f, row[ow]);
  }
}

/// y of one plane. `windows` and `bias` (or null) begin at the plane's first channel.
template <class V>
ENGRAM_ALWAYS_INLINE void forward_plane_lanes(const WindowGeometry& g, const float* x, const Windows& windows,
                                              const float* bias, bool relu, float* y) {
  const dim_t block = g.x.block, out_h = g.out_h();
  if (block == 1 && g.stride_w == 1) {
    forward_plane_flat(g, x, windows, bias ? *bias : 0.f, relu, y);
    return;
  }
  float packed[16 * kMaxDepthwiseTaps];
  for (dim_t first = 0; first < block; first += 16) {
    const dim_t lanes = std::min<dim_t>(16, block - first);
    load_weights(windows.from_channel(first), lanes, packed);
    float start[16] = {};
    if (bias) std::copy_n(bias + first, lanes, start);
    for (dim_t oh = 0; oh < out_h; ++oh) {
      float* const row = y + oh * g.out_w() * block + first;
      if (lanes == 16)
        forward_row_16(g, oh, x + first, packed, load16<V>(start), relu, block, row);
      else
        forward_row(g, oh, x + first, packed, start, relu, lanes, block, row);
    }
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, forward_plane,
                                (const WindowGeometry& g, const float* x, const Windows& windows, const float* bias,
                                 bool relu, float* y),
                                (g, x, windows, bias, relu, y))

/// gx of one plane: each output adds its window. Planes are independent, so no two threads add to one pixel.
template <class V>
ENGRAM_ALWAYS_INLINE void scatter_plane_lanes(const WindowGeometry& g, const float* gy, const Windows& windows,
                                              float* gx) {
  const dim_t block = g.x.block, out_h = g.out_h(), out_w = g.out_w();
  std::fill(gx, gx + g.x.pixels() * block, 0.f);
  float packed[16 * kMaxDepthwiseTaps];
  for (dim_t first = 0; first < block; first += 16) {
    const dim_t lanes = std::min<dim_t>(16, block - first);
    load_weights(windows.from_channel(first), lanes, packed);
    for (dim_t oh = 0; oh < out_h; ++oh) {
      const Range rows = taps_inside(oh, g.stride_h, g.pad_h, g.kernel_h, g.x.h);
      for (dim_t ow = 0; ow < out_w; ++ow) {
        const Range columns = taps_inside(ow, g.stride_w, g.pad_w, g.kernel_w, g.x.w);
        const float* from = gy + (oh * out_w + ow) * block + first;
        for (dim_t kh = rows.first; kh < rows.last; ++kh) {
          const dim_t h = oh * g.stride_h - g.pad_h + kh;
          for (dim_t kw = columns.first; kw < columns.last; ++kw) {
            float* to = gx + (h * g.x.w + ow * g.stride_w - g.pad_w + kw) * block + first;
            const float* tap = packed + (kh * g.kernel_w + kw) * 16;
            if (lanes == 16)
              store16(to, load16<V>(to) + load16<V>(from) * load16<V>(tap));
            else
              for (dim_t l = 0; l < lanes; ++l) to[l] += from[l] * tap[l];
          }
        }
      }
    }
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, scatter_plane,
                                (const WindowGeometry& g, const float* gy, const Windows& windows, float* gx),
                                (g, gy, windows, gx))

/// Products of tap (kh, kw) along one output row, summed in f32, into sum[16].
template <class V>
ENGRAM_ALWAYS_INLINE void row_products(const WindowGeometry& g, dim_t oh, dim_t kh, dim_t kw, const float* x,
                                       const float* gy, dim_t lanes, float* sum) {
  const dim_t block = g.x.block;
  const Range outputs = outputs_inside(kw, g.stride_w, g.pad_w, g.x.w, g.out_w());
  const float* in = x + ((oh * g.stride_h - g.pad_h + kh) * g.x.w + kw - g.pad_w) * block;
  const float* gradient = gy + oh * g.out_w() * block;
  if (lanes == 16) {
    V total = {};
    for (dim_t ow = outputs.first; ow < outputs.last; ++ow)
      total += load16<V>(in + ow * g.stride_w * block) * load16<V>(gradient + ow * block);
    store16(sum, total);
    return;
  }
  for (dim_t l = 0; l < lanes; ++l) {
    float total = 0;
    for (dim_t ow = outputs.first; ow < outputs.last; ++ow)
      total += in[ow * g.stride_w * block + l] * gradient[ow * block + l];
    sum[l] = total;
  }
}

/// Adds one plane's weight gradient to `total` [block][taps].
template <class V>
ENGRAM_ALWAYS_INLINE void add_products_lanes(const WindowGeometry& g, const float* x, const float* gy, double* total) {
  const dim_t taps = g.taps(), out_h = g.out_h();
  float sum[16];
  for (dim_t first = 0; first < g.x.block; first += 16) {
    const dim_t lanes = std::min<dim_t>(16, g.x.block - first);
    for (dim_t oh = 0; oh < out_h; ++oh) {
      const Range rows = taps_inside(oh, g.stride_h, g.pad_h, g.kernel_h, g.x.h);
      for (dim_t kh = rows.first; kh < rows.last; ++kh)
        for (dim_t kw = 0; kw < g.kernel_w; ++kw) {
          row_products<V>(g, oh, kh, kw, x + first, gy + first, lanes, sum);
          for (dim_t l = 0; l < lanes; ++l) total[(first + l) * taps + kh * g.kernel_w + kw] += double(sum[l]);
        }
    }
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, add_products,
                                (const WindowGeometry& g, const float* x, const float* gy, double* total),
                                (g, x, gy, total))

/// Values of one plane of the input and of the output.
struct Planes {
  explicit Planes(const WindowGeometry& g)
      : in(g.x.pixels() * g.x.block), out(g.out_h() * g.out_w() * g.x.block), work(in + out * g.taps()) {}
  dim_t in, out, work;
};

/// y = relu?(convolution of x + bias), of all planes.
void convolve(const WindowGeometry& g, const float* x, const Windows& windows, const float* bias, bool relu, float* y) {
  const Planes planes(g);
  parallel_for(g.x.n * g.x.blocks(), planes.work, [&](dim_t p) {
    const dim_t channel = p % g.x.blocks() * g.x.block;
    forward_plane(g, x + p * planes.in, windows.from_channel(channel), bias ? bias + channel : nullptr, relu,
                  y + p * planes.out);
  });
}

void forward(Stream, const DepthwiseForwardArgs& a) {
  convolve(a.geometry, a.x, {a.weight, a.geometry.taps()}, a.bias, a.relu, a.y);
}

/// With windows that stride by one, the data gradient is the convolution of gy with the mirrored windows.
void data_gradient(Stream, const DepthwiseDataGradientArgs& a) {
  const WindowGeometry& g = a.geometry;
  if (g.stride_h == 1 && g.stride_w == 1) {
    const WindowGeometry adjoint{
        g.y(), g.kernel_h, g.kernel_w, 1, 1, g.kernel_h - 1 - g.pad_h, g.kernel_w - 1 - g.pad_w};
    convolve(adjoint, a.gy, {a.weight, g.taps(), /*mirrored=*/true}, nullptr, false, a.gx);
    return;
  }
  const Planes planes(g);
  parallel_for(g.x.n * g.x.blocks(), planes.work, [&](dim_t p) {
    const Windows windows = Windows{a.weight, g.taps()}.from_channel(p % g.x.blocks() * g.x.block);
    scatter_plane(g, a.gy + p * planes.out, windows, a.gx + p * planes.in);
  });
}

/// Images in one partial sum of the weight gradient: at most 16 partial sums, whatever the number of threads.
dim_t images_a_chunk(const WindowGeometry& g) {
  return std::max<dim_t>(1, (g.x.n + 15) / 16);
}
dim_t chunks(const WindowGeometry& g) {
  return (g.x.n + images_a_chunk(g) - 1) / images_a_chunk(g);
}

std::size_t workspace_bytes(const WindowGeometry& g) {
  return std::size_t(chunks(g) * depthwise_weight_count(g)) * sizeof(double);
}

void weight_gradient(Stream, const DepthwiseWeightGradientArgs& a) {
  const WindowGeometry& g = a.geometry;
  const Planes planes(g);
  const dim_t images = images_a_chunk(g), count = depthwise_weight_count(g), block_count = g.x.block * g.taps();
  auto* const partial = static_cast<double*>(a.workspace);
  parallel_for(chunks(g) * g.x.blocks(), images * planes.work, [&](dim_t item) {
    const dim_t chunk = item / g.x.blocks(), b = item % g.x.blocks();
    double* const total = partial + chunk * count + b * block_count;
    std::fill(total, total + block_count, 0.0);
    for (dim_t n = chunk * images; n < std::min(g.x.n, (chunk + 1) * images); ++n) {
      const dim_t p = n * g.x.blocks() + b;
      add_products(g, a.x + p * planes.in, a.gy + p * planes.out, total);
    }
  });
  parallel_for(count, chunks(g), [&](dim_t i) {
    double total = 0;
    for (dim_t chunk = 0; chunk < chunks(g); ++chunk) total += partial[chunk * count + i];
    a.gw[i] = float(total);
  });
}

}  // namespace

const DepthwiseConvKernels kCpuDepthwiseConv = {forward, data_gradient, weight_gradient, workspace_bytes};

}  // namespace engram::kernels
