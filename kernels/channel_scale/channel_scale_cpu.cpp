#include <algorithm>
#include <cstring>

#include "kernels/channel_scale/channel_scale.h"
#include "kernels/common/parallel.h"
#include "kernels/common/row_lanes.h"

namespace engram::kernels {
namespace {

dim_t modulo(dim_t a, dim_t n) {
  return ((a % n) + n) % n;
}

/// The jitter reduced to the image: 0 <= dy < h, 0 <= dx < w. Source pixel (i, k) lands in row (i + dy) mod h and
/// column (k + dx) mod w, mirrored when flip.
struct Placement {
  dim_t h, w, dy, dx;
  bool flip;
};

Placement placement(const Jitter& jitter, dim_t h, dim_t w) {
  return {h, w, modulo(jitter.dy, h), modulo(jitter.dx, w), jitter.flip != 0};
}

/// Lane i takes lane 15 - i.
ENGRAM_ALWAYS_INLINE Float4 reversed(Float4 v) {
  return __builtin_shufflevector(v, v, 3, 2, 1, 0);
}
ENGRAM_ALWAYS_INLINE Float8 reversed(Float8 v) {
  return __builtin_shufflevector(v, v, 7, 6, 5, 4, 3, 2, 1, 0);
}
ENGRAM_ALWAYS_INLINE Float16 reversed(Float16 v) {
  return __builtin_shuffle(v, Int16{15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
}
template <class Half>
ENGRAM_ALWAYS_INLINE LanePair<Half> reversed(LanePair<Half> v) {
  return {reversed(v.high), reversed(v.low)};
}

/// Row of the jittered image that source row i lands in.
ENGRAM_ALWAYS_INLINE dim_t landing_row(const Placement& at, dim_t i) {
  return i + at.dy < at.h ? i + at.dy : i + at.dy - at.h;
}

/// Where `lanes` values of source columns k.. land: a first part of `count` lanes, and the rest, which wrapped around
/// the edge.
struct Landing {
  dim_t count, first, rest;  ///< lanes of the first part; positions of both parts in the row
};

ENGRAM_ALWAYS_INLINE Landing landing(const Placement& at, dim_t k, dim_t lanes) {
  const dim_t column = k + at.dx < at.w ? k + at.dx : k + at.dx - at.w;
  const dim_t count = std::min(lanes, at.w - column);
  return at.flip ? Landing{count, at.w - column - count, at.w - (lanes - count)} : Landing{count, column, 0};
}

/// Lane i takes lane (i + start) mod 16. Pairs go through memory: at the edges of rows only.
template <class V>
ENGRAM_ALWAYS_INLINE V rotated(V v, dim_t start) {
  if constexpr (kIsPair<V>) {
    float twice[32];
    store16(twice, v);
    store16(twice + 16, v);
    return load16<V>(twice + (start & 15));
  } else {
    return __builtin_shuffle(v, (kLaneIndex<V> + std::int32_t(start)) & 15);
  }
}

/// Lane i takes lane (last - i) mod 16.
template <class V>
ENGRAM_ALWAYS_INLINE V mirrored(V v, dim_t last) {
  if constexpr (kIsPair<V>) {
    return rotated(reversed(v), 15 - last);
  } else {
    return __builtin_shuffle(v, (std::int32_t(last) - kLaneIndex<V>)&15);
  }
}

/// Stores `lanes` values of source columns k.. to where they land in `row`.
template <class V>
ENGRAM_ALWAYS_INLINE void store_landed(float* row, const Placement& at, dim_t k, V v, dim_t lanes) {
  const Landing to = landing(at, k, lanes);
  if (to.count == 16) {
    store16(row + to.first, at.flip ? reversed(v) : v);
    return;
  }
  store_partial16(row + to.first, at.flip ? mirrored(v, to.count - 1) : v, to.count);
  if (to.count < lanes)
    store_partial16(row + to.rest, at.flip ? mirrored(v, lanes - 1) : rotated(v, to.count), lanes - to.count);
}

/// The adjoint of store_landed: gathers the values of source columns k..; lanes past `lanes` hold other values of the
/// row or 0.
template <class V>
ENGRAM_ALWAYS_INLINE V load_landed(const float* row, const Placement& at, dim_t k, dim_t lanes) {
  const Landing from = landing(at, k, lanes);
  if (from.count == 16) {
    const V v = load16<V>(row + from.first);
    return at.flip ? reversed(v) : v;
  }
  V v = load_partial16<V>(row + from.first, from.count, 0);
  if (at.flip) v = mirrored(v, from.count - 1);
  if (from.count == lanes) return v;
  const V rest = load_partial16<V>(row + from.rest, lanes - from.count, 0);
  return select(first_lanes16<V>(from.count), v, at.flip ? mirrored(rest, lanes - 1) : rotated(rest, -from.count));
}

template <class V>
ENGRAM_ALWAYS_INLINE void forward_plane_lanes(const float* p, float alpha, float* y, const Placement& at) {
  for (dim_t i = 0; i < at.h; ++i) {
    float* row = y + landing_row(at, i) * at.w;
    for (dim_t k = 0; k < at.w; k += 16) {
      const dim_t lanes = std::min<dim_t>(16, at.w - k);
      store_landed(row, at, k, alpha * tanh16(load_lanes<V>(p + i * at.w + k, lanes)), lanes);
    }
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, forward_plane, (const float* p, float alpha, float* y, const Placement& at),
                                (p, alpha, y, at))

template <class V>
ENGRAM_ALWAYS_INLINE void backward_plane_lanes(const float* p, float alpha, const float* grad_y, float* grad_p,
                                               float* grad_alpha, const Placement& at) {
  double total = 0;
  V sum = {};
  for (dim_t i = 0; i < at.h; ++i) {
    const float* grad_row = grad_y + landing_row(at, i) * at.w;
    for (dim_t k = 0; k < at.w; k += 16) {
      const dim_t lanes = std::min<dim_t>(16, at.w - k), offset = i * at.w + k;
      const V t = tanh16(load_lanes<V>(p + offset, lanes));
      const V g = load_landed<V>(grad_row, at, k, lanes);
      sum += g * t;
      if (grad_p) {
        const V value = (g * alpha) * (1.f - t * t);
        store_lanes(grad_p + offset, value, lanes);
      }
    }
    if (i % 32 == 31) {  // f32 lanes over 32 rows at most
      total += sum_lanes(sum);
      sum = V{};
    }
  }
  if (grad_alpha) *grad_alpha = float(total + sum_lanes(sum));
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, backward_plane,
                                (const float* p, float alpha, const float* grad_y, float* grad_p, float* grad_alpha,
                                 const Placement& at),
                                (p, alpha, grad_y, grad_p, grad_alpha, at))

/// tanh costs about as much as moving eight values.
constexpr dim_t kWorkPerPixel = 8;

void forward(Stream, const ChannelScaleForwardArgs& args) {
  const Placement at = placement(*args.jitter, args.h, args.w);
  const dim_t pixels = args.h * args.w;
  parallel_for(args.n * args.c, pixels * kWorkPerPixel, [&](dim_t plane) {
    forward_plane(args.p + plane * pixels, args.alpha[plane], args.y + plane * pixels, at);
  });
}

void backward(Stream, const ChannelScaleBackwardArgs& args) {
  const Placement at = placement(*args.jitter, args.h, args.w);
  const dim_t pixels = args.h * args.w;
  parallel_for(args.n * args.c, pixels * kWorkPerPixel, [&](dim_t plane) {
    backward_plane(args.p + plane * pixels, args.alpha[plane], args.grad_y + plane * pixels,
                   args.grad_p ? args.grad_p + plane * pixels : nullptr,
                   args.grad_alpha ? args.grad_alpha + plane : nullptr, at);
  });
}

void roll_flip(Stream, const RollFlipArgs& args) {
  Jitter jitter = *args.jitter;
  if (args.inverse) {  // mirroring turns a shift to the right into one to the left
    jitter.dy = -jitter.dy;
    jitter.dx = jitter.flip ? jitter.dx : -jitter.dx;
  }
  const Placement at = placement(jitter, args.h, args.w);
  const dim_t w = args.w;
  parallel_for(args.planes, args.h * w, [&](dim_t plane) {
    for (dim_t i = 0; i < args.h; ++i) {
      const float* from = args.x + (plane * args.h + i) * w;
      float* to = args.y + (plane * args.h + landing_row(at, i)) * w;
      if (at.flip) {
        std::reverse_copy(from, from + w - at.dx, to);
        std::reverse_copy(from + w - at.dx, from + w, to + w - at.dx);
      } else {
        std::memcpy(to + at.dx, from, std::size_t(w - at.dx) * sizeof(float));
        std::memcpy(to, from + w - at.dx, std::size_t(at.dx) * sizeof(float));
      }
    }
  });
}

}  // namespace

Cost channel_scale_forward_cost(dim_t count) {
  return {4 * count, 4 * count, 21 * count};
}
Cost channel_scale_backward_cost(dim_t count) {
  return {8 * count, 4 * count, 26 * count};
}
Cost roll_flip_cost(dim_t count) {
  return {4 * count, 4 * count, 0};
}

const ChannelScaleKernels kCpuChannelScale = {forward, backward, roll_flip};

}  // namespace engram::kernels
