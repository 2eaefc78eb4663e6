#include <algorithm>
#include <cmath>

#include "kernels/attention_map/attention_map.h"
#include "kernels/common/parallel.h"
#include "kernels/common/row_lanes.h"

namespace engram::kernels {
namespace {

/// Values that are summed in f32 lanes before they go to double.
constexpr dim_t kBlock = 1024;

/// |v|^power.
template <class V>
ENGRAM_ALWAYS_INLINE V strength16(V v, int power) {
  if (power == 2) return v * v;
  const V size = abs16(v);
  V result = size;
  for (int i = 1; i < power; ++i) result *= size;
  return result;
}

/// |v|^(power - 1) sign(v).
template <class V>
ENGRAM_ALWAYS_INLINE V slope16(V v, int power) {
  if (power == 2) return v;
  if (power == 1) return sign16(v);
  const V size = abs16(v);
  V result = v;
  for (int i = 2; i < power; ++i) result *= size;
  return result;
}

float strength(float v, int power) {
  float result = std::abs(v);
  for (int i = 1; i < power; ++i) result *= std::abs(v);
  return result;
}

float slope(float v, int power) {
  if (power == 1) return float(v > 0) - float(v < 0);
  float result = v;
  for (int i = 2; i < power; ++i) result *= std::abs(v);
  return result;
}

/// One image: `planes` planes of `pixels` vectors of `block` channels.
struct Image {
  const float* x;
  dim_t planes, pixels, block;
  int power;

  dim_t plane() const { return pixels * block; }
};

/// q += the planes' strengths, 1 channel a plane.
template <class V>
ENGRAM_ALWAYS_INLINE void add_planar_lanes(const Image& image, float* q) {
  for (dim_t p = 0; p < image.planes; ++p) {
    const float* x = image.x + p * image.plane();
    for_lanes(
        0, image.pixels, [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
          store_lanes(q + i, load_lanes<V>(q + i, lanes) + strength16(load_lanes<V>(x + i, lanes), image.power), lanes);
        });
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, add_planar, (const Image& image, float* q), (image, q))

/// The same with 16 channels a plane.
template <class V>
ENGRAM_ALWAYS_INLINE void add_blocked_lanes(const Image& image, float* q) {
  for (dim_t p = 0; p < image.planes; ++p) {
    const float* x = image.x + p * image.plane();
    for (dim_t i = 0; i < image.pixels; ++i) q[i] += sum_lanes(strength16(load16<V>(x + 16 * i), image.power));
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, add_blocked, (const Image& image, float* q), (image, q))

void add_strengths(const Image& image, float* q) {
  if (image.block == 1) return add_planar(image, q);
  if (image.block == 16) return add_blocked(image, q);
  for (dim_t k = 0; k < image.planes * image.plane(); ++k)
    q[k / image.block % image.pixels] += strength(image.x[k], image.power);
}

template <class V>
ENGRAM_ALWAYS_INLINE double dot_lanes(const float* a, const float* b, dim_t count) {
  double sum = 0;
  for (dim_t block = 0; block < count; block += kBlock) {
    V products = {};
    for_lanes(
        block, std::min(count, block + kBlock), [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
          products += load_lanes<V>(a + i, lanes) * load_lanes<V>(b + i, lanes);
        });
    sum += sum_lanes(products);
  }
  return sum;
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(double, dot, (const float* a, const float* b, dim_t count), (a, b, count))

/// grad_q = scale (g - along map), the factors of the strength's derivative included in `scale`.
struct MapGradient {
  const float *map, *g;
  float scale, along;
};

template <class V>
ENGRAM_ALWAYS_INLINE void planar_gradient_lanes(const Image& image, const MapGradient& m, float* grad_x) {
  for (dim_t p = 0; p < image.planes; ++p) {
    const float* x = image.x + p * image.plane();
    float* out = grad_x + p * image.plane();
    for_lanes(
        0, image.pixels, [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
          const V grad_q = m.scale * (load_lanes<V>(m.g + i, lanes) - m.along * load_lanes<V>(m.map + i, lanes));
          store_lanes(out + i, grad_q * slope16(load_lanes<V>(x + i, lanes), image.power), lanes);
        });
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, planar_gradient, (const Image& image, const MapGradient& m, float* grad_x),
                                (image, m, grad_x))

template <class V>
ENGRAM_ALWAYS_INLINE void blocked_gradient_lanes(const Image& image, const MapGradient& m, float* grad_x) {
  for (dim_t p = 0; p < image.planes; ++p) {
    const float* x = image.x + p * image.plane();
    float* out = grad_x + p * image.plane();
    for (dim_t i = 0; i < image.pixels; ++i) {
      const float grad_q = m.scale * (m.g[i] - m.along * m.map[i]);
      store16(out + 16 * i, grad_q * slope16(load16<V>(x + 16 * i), image.power));
    }
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, blocked_gradient, (const Image& image, const MapGradient& m, float* grad_x),
                                (image, m, grad_x))

void image_gradient(const Image& image, const MapGradient& m, float* grad_x) {
  if (image.block == 1) return planar_gradient(image, m, grad_x);
  if (image.block == 16) return blocked_gradient(image, m, grad_x);
  for (dim_t k = 0; k < image.planes * image.plane(); ++k) {
    const dim_t i = k / image.block % image.pixels;
    grad_x[k] = m.scale * (m.g[i] - m.along * m.map[i]) * slope(image.x[k], image.power);
  }
}

template <class Args>
Image image_of(const Args& args, dim_t n) {
  const ActivationShape& s = args.shape;
  return {args.x + n * s.c * s.pixels(), s.blocks(), s.pixels(), s.block, args.power};
}

void forward(Stream, const AttentionMapForwardArgs& args) {
  const dim_t pixels = args.shape.pixels();
  parallel_for(args.shape.n, args.shape.c * pixels, [&](dim_t n) {
    float* map = args.map + n * pixels;
    std::fill(map, map + pixels, 0.f);
    add_strengths(image_of(args, n), map);
    const float norm = float(std::sqrt(dot(map, map, pixels)) / double(args.shape.c));
    args.norm[n] = norm;
    // Not max(norm, eps), which would lose a NaN.
    const float scale = 1 / (float(args.shape.c) * (norm < args.eps ? args.eps : norm));
    for (dim_t i = 0; i < pixels; ++i) map[i] *= scale;
  });
}

void backward(Stream, const AttentionMapBackwardArgs& args) {
  const dim_t pixels = args.shape.pixels();
  parallel_for(args.shape.n, args.shape.c * pixels * 2, [&](dim_t n) {
    const float *map = args.map + n * pixels, *g = args.grad_map + n * pixels, norm = args.norm[n];
    const float along = norm > args.eps ? float(dot(map, g, pixels)) : 0.f;
    const float scale = float(args.power) / (float(args.shape.c) * std::max(norm, args.eps));
    image_gradient(image_of(args, n), {map, g, scale, along}, args.grad_x + n * args.shape.c * pixels);
  });
}

}  // namespace

Cost attention_map_forward_cost(const ActivationShape& shape) {
  const dim_t maps = shape.n * shape.pixels();
  return {4 * shape.count(), 4 * (maps + shape.n), 2 * shape.count() + 3 * maps};
}

Cost attention_map_backward_cost(const ActivationShape& shape) {
  const dim_t maps = shape.n * shape.pixels();
  return {4 * shape.count() + 8 * maps + 4 * shape.n, 4 * shape.count(), 2 * shape.count() + 4 * maps};
}

const AttentionMapKernels kCpuAttentionMap = {forward, backward};

}  // namespace engram::kernels
