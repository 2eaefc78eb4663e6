#include <algorithm>
#include <cstring>

#include "kernels/channel_scale/channel_scale.h"
#include "kernels/common/parallel.h"
#include "kernels/common/vec_math.h"

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

ENGRAM_ALWAYS_INLINE Vec16 reversed(Vec16 v) {
  return __builtin_shuffle(v, Mask16{15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0});
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

/// Lane i takes lane (i + start) mod 16.
ENGRAM_ALWAYS_INLINE Vec16 rotated(Vec16 v, dim_t start) {
  return __builtin_shuffle(v, (kLaneIndex16 + std::int32_t(start)) & 15);
}

/// Lane i takes lane (last - i) mod 16.
ENGRAM_ALWAYS_INLINE Vec16 mirrored(Vec16 v, dim_t last) {
  return __builtin_shuffle(v, (std::int32_t(last) - kLaneIndex16) & 15);
}

/// Stores `lanes` values of source columns k.. to where they land in `row`.
ENGRAM_ALWAYS_INLINE void store_landed(float* row, const Placement& at, dim_t k, Vec16 v, dim_t lanes) {
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
ENGRAM_ALWAYS_INLINE Vec16 load_landed(const float* row, const Placement& at, dim_t k, dim_t lanes) {
  const Landing from = landing(at, k, lanes);
  if (from.count == 16) {
    const Vec16 v = load16(row + from.first);
    return at.flip ? reversed(v) : v;
  }
  Vec16 v = load_partial16(row + from.first, from.count, 0);
  if (at.flip) v = mirrored(v, from.count - 1);
  if (from.count == lanes) return v;
  const Vec16 rest = load_partial16(row + from.rest, lanes - from.count, 0);
  return first_lanes16(from.count) ? v : at.flip ? mirrored(rest, lanes - 1) : rotated(rest, -from.count);
}

ENGRAM_ALWAYS_INLINE Vec16 load_lanes(const float* p, dim_t lanes) {
  return lanes == 16 ? load16(p) : load_partial16(p, lanes, 0);
}

ENGRAM_MULTIVERSION void forward_plane(const float* p, float alpha, float* y, const Placement& at) {
  for (dim_t i = 0; i < at.h; ++i) {
    float* row = y + landing_row(at, i) * at.w;
    for (dim_t k = 0; k < at.w; k += 16) {
      const dim_t lanes = std::min<dim_t>(16, at.w - k);
      store_landed(row, at, k, alpha * tanh16(load_lanes(p + i * at.w + k, lanes)), lanes);
    }
  }
}

ENGRAM_MULTIVERSION void backward_plane(const float* p, float alpha, const float* grad_y, float* grad_p,
                                        float* grad_alpha, const Placement& at) {
  double total = 0;
  Vec16 sum = {};
  for (dim_t i = 0; i < at.h; ++i) {
    const float* grad_row = grad_y + landing_row(at, i) * at.w;
    for (dim_t k = 0; k < at.w; k += 16) {
      const dim_t lanes = std::min<dim_t>(16, at.w - k), offset = i * at.w + k;
      const Vec16 t = tanh16(load_lanes(p + offset, lanes));
      const Vec16 g = load_landed(grad_row, at, k, lanes);
      sum += g * t;
      if (grad_p) {
        const Vec16 value = (g * alpha) * (1.f - t * t);
        if (lanes == 16) {
          store16(grad_p + offset, value);
        } else {
          store_partial16(grad_p + offset, value, lanes);
        }
      }
    }
    if (i % 32 == 31) {  // f32 lanes over 32 rows at most
      total += sum_lanes(sum);
      sum = Vec16{};
    }
  }
  if (grad_alpha) *grad_alpha = float(total + sum_lanes(sum));
}

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
