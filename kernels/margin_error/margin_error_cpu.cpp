#include <algorithm>
#include <limits>

#include "kernels/common/parallel.h"
#include "kernels/common/row_lanes.h"
#include "kernels/margin_error/margin_error.h"

namespace engram::kernels {
namespace {

/// Values that are summed in f32 lanes before they go to double.
constexpr dim_t kBlock = 4096;

/// One plane: `pixels` vectors of `block` channels, whose margins `margin` holds.
struct Plane {
  const float *student, *teacher, *margin;
  dim_t count, block;

  bool in_lanes() const { return block == 1 || block == 16; }
};

/// student - t' where the element counts, else 0.
template <class V>
ENGRAM_ALWAYS_INLINE V open_difference(V student, V teacher, V margin) {
  const V target = max16(margin, teacher), d = student - target;
  // The larger of d and a bound: GCC 12 makes scalars of one selection in another, with AVX-512 too. A NaN stays.
  return max16(select(target > 0.f, splat<V>(-std::numeric_limits<float>::infinity()), V{}), d);
}

/// The margins of sixteen neighbours.
template <class V>
ENGRAM_ALWAYS_INLINE V lane_margins(const Plane& p) {
  return p.block == 16 ? load16<V>(p.margin) : splat<V>(p.margin[0]);
}

template <class V>
ENGRAM_ALWAYS_INLINE double plane_sum_lanes(const Plane& p) {
  const V margin = lane_margins<V>(p);
  double sum = 0;
  for (dim_t block = 0; block < p.count; block += kBlock) {
    V squares = {};
    // Lanes past the end have student = target = 0.
    for_lanes(
        block, std::min(p.count, block + kBlock), [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
          const V m = lanes == 16 ? margin : select(first_lanes16<V>(lanes), margin, V{});
          const V d = open_difference(load_lanes<V>(p.student + i, lanes), load_lanes<V>(p.teacher + i, lanes), m);
          squares += d * d;
        });
    sum += sum_lanes(squares);
  }
  return sum;
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(double, plane_sum, (const Plane& p), (p))

template <class V>
ENGRAM_ALWAYS_INLINE void plane_gradient_lanes(const Plane& p, float scale, float* out) {
  const V margin = lane_margins<V>(p);
  for_lanes(
      0, p.count, [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
        const V d = open_difference(load_lanes<V>(p.student + i, lanes), load_lanes<V>(p.teacher + i, lanes), margin);
        store_lanes(out + i, scale * d, lanes);
      });
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, plane_gradient, (const Plane& p, float scale, float* out), (p, scale, out))

/// The same for any block, one value at a time.
float open_difference(const Plane& p, dim_t i) {
  const float margin = p.margin[i % p.block], target = margin > p.teacher[i] ? margin : p.teacher[i];
  const float d = p.student[i] - target;
  return target > 0 || !(d <= 0) ? d : 0.f;
}

template <class Args>
Plane plane_of(const Args& args, dim_t index) {
  const ActivationShape& s = args.shape;
  const dim_t count = s.pixels() * s.block;
  return {args.student + index * count, args.teacher + index * count, args.margin + index % s.blocks() * s.block, count,
          s.block};
}

void forward(Stream, const MarginErrorForwardArgs& args) {
  const dim_t planes = args.shape.n * args.shape.blocks();
  auto* sums = static_cast<double*>(args.workspace);
  parallel_for(planes, args.shape.pixels() * args.shape.block, [&](dim_t i) {
    const Plane p = plane_of(args, i);
    if (p.in_lanes()) {
      sums[i] = plane_sum(p);
      return;
    }
    sums[i] = 0;
    for (dim_t k = 0; k < p.count; ++k) sums[i] += double(open_difference(p, k)) * open_difference(p, k);
  });
  double total = 0;
  for (dim_t i = 0; i < planes; ++i) total += sums[i];
  *args.loss = float(args.factor * total);
}

void backward(Stream, const MarginErrorBackwardArgs& args) {
  const float scale = 2 * *args.grad * args.factor;
  const dim_t planes = args.shape.n * args.shape.blocks();
  parallel_for(planes, args.shape.pixels() * args.shape.block, [&](dim_t i) {
    const Plane p = plane_of(args, i);
    float* out = args.grad_student + i * p.count;
    if (p.in_lanes()) return plane_gradient(p, scale, out);
    for (dim_t k = 0; k < p.count; ++k) out[k] = scale * open_difference(p, k);
  });
}

std::size_t workspace_bytes(const ActivationShape& shape) {
  return std::size_t(shape.n * shape.blocks()) * sizeof(double);
}

}  // namespace

Cost margin_error_cost(const ActivationShape& shape, bool backward) {
  const dim_t count = shape.count();
  return {8 * count + 4 * shape.c, backward ? 4 * count : 0, 5 * count};
}

const MarginErrorKernels kCpuMarginError = {forward, backward, workspace_bytes};

}  // namespace engram::kernels
