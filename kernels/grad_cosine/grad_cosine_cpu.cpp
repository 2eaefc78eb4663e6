#include <algorithm>
#include <cmath>

#include "kernels/common/parallel.h"
#include "kernels/common/row_lanes.h"
#include "kernels/grad_cosine/grad_cosine.h"

namespace engram::kernels {
namespace {

/// Values that are summed in f32 lanes before they go to double.
constexpr dim_t kBlock = 1024;

struct Dots {
  double ab, aa, bb;
};

template <class V>
ENGRAM_ALWAYS_INLINE Dots row_dots_lanes(const float* a, const float* b, dim_t width) {
  Dots dots = {0, 0, 0};
  for (dim_t block = 0; block < width; block += kBlock) {
    V ab = {}, aa = {}, bb = {};
    for_lanes(
        block, std::min(width, block + kBlock), [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
          const V x = load_lanes<V>(a + i, lanes), y = load_lanes<V>(b + i, lanes);
          ab += x * y;
          aa += x * x;
          bb += y * y;
        });
    dots.ab += sum_lanes(ab);
    dots.aa += sum_lanes(aa);
    dots.bb += sum_lanes(bb);
  }
  return dots;
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(Dots, row_dots, (const float* a, const float* b, dim_t width), (a, b, width))

/// v.a and v.b.
struct Projections {
  double on_a, on_b;
};

template <class V>
ENGRAM_ALWAYS_INLINE Projections row_projections_lanes(const float* v, const float* a, const float* b, dim_t width) {
  Projections out = {0, 0};
  for (dim_t block = 0; block < width; block += kBlock) {
    V va = {}, vb = {};
    for_lanes(
        block, std::min(width, block + kBlock), [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
          const V x = load_lanes<V>(v + i, lanes);
          va += x * load_lanes<V>(a + i, lanes);
          vb += x * load_lanes<V>(b + i, lanes);
        });
    out.on_a += sum_lanes(va);
    out.on_b += sum_lanes(vb);
  }
  return out;
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(Projections, row_projections,
                                (const float* v, const float* a, const float* b, dim_t width), (v, a, b, width))

/// out = p x + q y, or with two more terms r z + s w where z or w is not null.
struct Combination {
  const float *x, *y, *z, *w;
  float p, q, r, s;
};

template <class V>
ENGRAM_ALWAYS_INLINE void combine_lanes(const Combination& c, dim_t width, float* out) {
  for_lanes(
      0, width, [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
        V value = c.p * load_lanes<V>(c.x + i, lanes) + c.q * load_lanes<V>(c.y + i, lanes);
        if (c.z) value += c.r * load_lanes<V>(c.z + i, lanes);
        if (c.w) value += c.s * load_lanes<V>(c.w + i, lanes);
        store_lanes(out + i, value, lanes);
      });
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, combine, (const Combination& c, dim_t width, float* out), (c, width, out))

/// Denominators and cosine of a row; free_a is 1 where |a| > eps, else 0 (then A is a constant).
struct RowGeometry {
  double A, B, cos, free_a, free_b;
};

RowGeometry geometry(const float* row_stats, dim_t row, float eps) {
  const double ab = row_stats[row * kNumCosineStats], norm_a = row_stats[row * kNumCosineStats + 1],
               norm_b = row_stats[row * kNumCosineStats + 2];
  const double A = std::max<double>(norm_a, eps), B = std::max<double>(norm_b, eps);
  return {A, B, ab / (A * B), norm_a > eps ? 1.0 : 0.0, norm_b > eps ? 1.0 : 0.0};
}

void forward(Stream, const GradCosineForwardArgs& args) {
  parallel_for(args.rows, args.width, [&](dim_t r) {
    const Dots dots = row_dots(args.a + r * args.width, args.b + r * args.width, args.width);
    float* stats = args.row_stats + r * kNumCosineStats;
    stats[0] = float(dots.ab);
    stats[1] = float(std::sqrt(dots.aa));
    stats[2] = float(std::sqrt(dots.bb));
    args.cos[r] = float(geometry(args.row_stats, r, args.eps).cos);
  });
}

void backward(Stream, const GradCosineBackwardArgs& args) {
  parallel_for(args.rows, args.width * 2, [&](dim_t r) {
    const dim_t offset = r * args.width;
    const float *a = args.a + offset, *b = args.b + offset;
    const RowGeometry at = geometry(args.row_stats, r, args.eps);
    const double g = args.grad_cos[r];
    const float cross = float(g / (at.A * at.B));
    if (args.grad_a)
      combine({a, b, nullptr, nullptr, float(-g * at.free_a * at.cos / (at.A * at.A)), cross, 0, 0}, args.width,
              args.grad_a + offset);
    if (args.grad_b)
      combine({b, a, nullptr, nullptr, float(-g * at.free_b * at.cos / (at.B * at.B)), cross, 0, 0}, args.width,
              args.grad_b + offset);
  });
}

/// With unit vectors a' = a / A, b' = b / B and projections q = v_a.a', p = v_a.b', r = v_b.a', u = v_b.b', the sum to
/// differentiate is g T, T = (p - f_a cos q) / A + (r - f_b cos u) / B, where f is 1 for a free norm and 0 for a
/// clamped one. Differentiating the parts gives the coefficients below; those of b follow by exchanging the roles.
void double_backward(Stream, const GradCosineDoubleBackwardArgs& args) {
  parallel_for(args.rows, args.width * 4, [&](dim_t row) {
    const dim_t offset = row * args.width;
    const float *a = args.a + offset, *b = args.b + offset;
    const float *v_a = args.v_a ? args.v_a + offset : nullptr, *v_b = args.v_b ? args.v_b + offset : nullptr;
    const RowGeometry at = geometry(args.row_stats, row, args.eps);
    const Projections from_a = v_a ? row_projections(v_a, a, b, args.width) : Projections{0, 0};
    const Projections from_b = v_b ? row_projections(v_b, a, b, args.width) : Projections{0, 0};
    const double q = from_a.on_a / at.A, p = from_a.on_b / at.B, r = from_b.on_a / at.A, u = from_b.on_b / at.B;
    const double g = args.grad_cos[row], c = at.cos;
    if (args.grad_grad_cos)
      args.grad_grad_cos[row] = float((p - at.free_a * c * q) / at.A + (r - at.free_b * c * u) / at.B);
    const double k = -at.free_a * q / at.A - at.free_b * u / at.B;  // what multiplies the gradient of cos
    const double cross = g / (at.A * at.B), own_a = g * at.free_a / (at.A * at.A),
                 own_b = g * at.free_b / (at.B * at.B);
    if (args.grad_a)
      combine({a, b, v_a, v_b, float(own_a * (-c * k + (2 * c * q - p) / at.A - r / at.B)), float(cross * k),
               float(-own_a * c), float(cross)},
              args.width, args.grad_a + offset);
    if (args.grad_b)
      combine({b, a, v_b, v_a, float(own_b * (-c * k + (2 * c * u - r) / at.B - p / at.A)), float(cross * k),
               float(-own_b * c), float(cross)},
              args.width, args.grad_b + offset);
  });
}

std::size_t workspace_bytes(dim_t, dim_t) {
  return 0;
}

}  // namespace

Cost grad_cosine_forward_cost(dim_t rows, dim_t width) {
  return {8 * rows * width, 16 * rows, 6 * rows * width};
}

Cost grad_cosine_backward_cost(dim_t rows, dim_t width, int num_outputs) {
  return {8 * rows * width, 4 * rows * width * num_outputs, 3 * rows * width * num_outputs};
}

Cost grad_cosine_double_backward_cost(dim_t rows, dim_t width, int num_outputs) {
  return {16 * rows * width, 4 * rows * width * num_outputs, (8 + 7 * num_outputs) * rows * width};
}

const GradCosineKernels kCpuGradCosine = {forward, backward, double_backward, workspace_bytes};

}  // namespace engram::kernels
