/// 256 rows of 16,384 on AVX2, p = 1, in ms on two threads, forward and backward: 4.9 and 2.6 with vectors of sixteen
/// lanes, whose comparisons GCC 12 made scalar; 1.1 and 1.3 with pairs of vectors of eight (lanes.h), 0.81 and 1.13 of
/// a copy of the same bytes. Forward reads rows twice, the second time from the second-level cache: operands that lie
/// in the third-level cache (64 rows) come to 0.60 of a copy. Prefetches ahead in the first pass changed nothing, and
/// those of the next row during the second made 64 rows slower by a quarter.

#include <algorithm>
#include <cmath>

#include "kernels/common/parallel.h"
#include "kernels/common/row_lanes.h"
#include "kernels/factor_distance/factor_distance.h"

namespace engram::kernels {
namespace {

/// Values that are summed in f32 lanes before they go to double.
constexpr dim_t kBlock = 1024;

/// Two sums over a row.
struct Sums {
  double first, second;
};

/// |a|^2 and |b|^2.
template <class V>
ENGRAM_ALWAYS_INLINE Sums row_squares_lanes(const float* a, const float* b, dim_t width) {
  Sums sums = {0, 0};
  for (dim_t block = 0; block < width; block += kBlock) {
    V aa = {}, bb = {};
    for_lanes(
        block, std::min(width, block + kBlock), [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
          const V x = load_lanes<V>(a + i, lanes), y = load_lanes<V>(b + i, lanes);
          aa += x * x;
          bb += y * y;
        });
    sums.first += sum_lanes(aa);
    sums.second += sum_lanes(bb);
  }
  return sums;
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(Sums, row_squares, (const float* a, const float* b, dim_t width), (a, b, width))

/// With d = A (u - v) = a - ratio b: sums of |d| and a sign d (p = 1), of d^2 and a d (p = 2). In this form d is
/// exactly 0 for equal rows, whose ratio is 1, however the compiler contracts it.
template <class V>
ENGRAM_ALWAYS_INLINE Sums row_differences_lanes(const float* a, const float* b, float ratio, int p, dim_t width) {
  Sums sums = {0, 0};
  for (dim_t block = 0; block < width; block += kBlock) {
    V size = {}, along = {};
    const dim_t end = std::min(width, block + kBlock);
    if (p == 1) {
      for_lanes(
          block, end, [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
            const V x = load_lanes<V>(a + i, lanes), d = x - ratio * load_lanes<V>(b + i, lanes), sign = sign16(d);
            size += d * sign;
            along += x * sign;
          });
    } else {
      for_lanes(
          block, end, [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
            const V x = load_lanes<V>(a + i, lanes), d = x - ratio * load_lanes<V>(b + i, lanes);
            size += d * d;
            along += x * d;
          });
    }
    sums.first += sum_lanes(size);
    sums.second += sum_lanes(along);
  }
  return sums;
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(Sums, row_differences,
                                (const float* a, const float* b, float ratio, int p, dim_t width),
                                (a, b, ratio, p, width))

/// out = p g + q a, g = sign(d) (p = 1) or d (p = 2).
template <class V>
ENGRAM_ALWAYS_INLINE void row_gradient_lanes(const float* a, const float* b, float ratio, int p, float of_g, float of_a,
                                             dim_t width, float* out) {
  if (p == 1) {
    for_lanes(
        0, width, [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
          const V x = load_lanes<V>(a + i, lanes), d = x - ratio * load_lanes<V>(b + i, lanes);
          store_lanes(out + i, of_g * sign16(d) + of_a * x, lanes);
        });
  } else {
    for_lanes(
        0, width, [&](dim_t i, dim_t lanes) __attribute__((always_inline)) {
          const V x = load_lanes<V>(a + i, lanes), d = x - ratio * load_lanes<V>(b + i, lanes);
          store_lanes(out + i, of_g * d + of_a * x, lanes);
        });
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, row_gradient,
                                (const float* a, const float* b, float ratio, int p, float of_g, float of_a,
                                 dim_t width, float* out),
                                (a, b, ratio, p, of_g, of_a, width, out))

void forward(Stream, const FactorDistanceForwardArgs& args) {
  auto* row_sums = static_cast<double*>(args.workspace);
  parallel_for(args.rows, args.width * 2, [&](dim_t r) {
    const float *a = args.a + r * args.width, *b = args.b + r * args.width;
    const Sums squares = row_squares(a, b, args.width);
    const double A = std::max<double>(std::sqrt(squares.first), args.eps),
                 B = std::max<double>(std::sqrt(squares.second), args.eps);
    const float ratio = float(A / B);
    const Sums sums = row_differences(a, b, ratio, args.p, args.width);
    float* stats = args.row_stats + r * kNumFactorStats;
    stats[0] = float(A);
    stats[1] = ratio;
    stats[2] = float(args.p == 1 ? sums.second / A : sums.second / (A * A));
    row_sums[r] = args.p == 1 ? sums.first / A : sums.first / (A * A);
  });
  double total = 0;
  for (dim_t r = 0; r < args.rows; ++r) total += row_sums[r];
  const double mean = total / double(args.rows * args.width);
  *args.loss = float(args.p == 1 ? mean : std::sqrt(mean));
}

void backward(Stream, const FactorDistanceBackwardArgs& args) {
  const double count = double(args.rows * args.width), loss = *args.loss;
  const double k = args.p == 1 ? *args.grad / count : loss > 0 ? *args.grad / (count * loss) : 0;
  parallel_for(args.rows, args.width * 2, [&](dim_t r) {
    const dim_t offset = r * args.width;
    const float* stats = args.row_stats + r * kNumFactorStats;
    const double A = stats[0], along = stats[0] > args.eps ? stats[2] : 0.f;
    row_gradient(args.a + offset, args.b + offset, stats[1], args.p, float(args.p == 1 ? k / A : k / (A * A)),
                 float(-k * along / (A * A)), args.width, args.grad_a + offset);
  });
}

std::size_t workspace_bytes(dim_t rows) {
  return std::size_t(rows) * sizeof(double);
}

}  // namespace

Cost factor_distance_forward_cost(dim_t rows, dim_t width) {
  return {8 * rows * width, 4 * kNumFactorStats * rows, 9 * rows * width};
}

Cost factor_distance_backward_cost(dim_t rows, dim_t width) {
  return {8 * rows * width + 4 * kNumFactorStats * rows, 4 * rows * width, 5 * rows * width};
}

const FactorDistanceKernels kCpuFactorDistance = {forward, backward, workspace_bytes};

}  // namespace engram::kernels
