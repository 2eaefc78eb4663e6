#include <algorithm>

#include "kernels/common/parallel.h"
#include "kernels/common/row_lanes.h"
#include "kernels/image_prior/image_prior.h"

namespace engram::kernels {
namespace {

/// Sixteen columns of a row from column j on; columns past w are 0, and a null row is all 0.
template <class V>
ENGRAM_ALWAYS_INLINE V columns(const float* row, dim_t j, dim_t w) {
  if (!row || j >= w) return V{};
  return j + 16 <= w ? load16<V>(row + j) : load_partial16<V>(row + j, w - j, 0);
}

/// Columns j + 1 .. j + n from the vectors at j and j + n of n lanes.
ENGRAM_ALWAYS_INLINE Float4 shifted_left(Float4 here, Float4 next) {
  return __builtin_shufflevector(here, next, 1, 2, 3, 4);
}
ENGRAM_ALWAYS_INLINE Float8 shifted_left(Float8 here, Float8 next) {
  return __builtin_shufflevector(here, next, 1, 2, 3, 4, 5, 6, 7, 8);
}
ENGRAM_ALWAYS_INLINE Float16 shifted_left(Float16 here, Float16 next) {
  return __builtin_shuffle(here, next, Int16{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16});
}
template <class Half>
ENGRAM_ALWAYS_INLINE LanePair<Half> shifted_left(LanePair<Half> here, LanePair<Half> next) {
  return {shifted_left(here.low, here.high), shifted_left(here.high, next.low)};
}

/// Columns j - 1 .. j + n - 2 from the vectors at j - n and j.
ENGRAM_ALWAYS_INLINE Float4 shifted_right(Float4 previous, Float4 here) {
  return __builtin_shufflevector(previous, here, 3, 4, 5, 6);
}
ENGRAM_ALWAYS_INLINE Float8 shifted_right(Float8 previous, Float8 here) {
  return __builtin_shufflevector(previous, here, 7, 8, 9, 10, 11, 12, 13, 14);
}
ENGRAM_ALWAYS_INLINE Float16 shifted_right(Float16 previous, Float16 here) {
  return __builtin_shuffle(previous, here, Int16{15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30});
}
template <class Half>
ENGRAM_ALWAYS_INLINE LanePair<Half> shifted_right(LanePair<Half> previous, LanePair<Half> here) {
  return {shifted_right(previous.high, here.low), shifted_right(here.low, here.high)};
}

/// The five sums of squares of one plane. f32 lanes over at most 16 rows, then double.
template <class V>
ENGRAM_ALWAYS_INLINE void square_sums_lanes(const float* x, dim_t h, dim_t w, double* sums) {
  for (int k = 0; k < kNumImageNorms; ++k) sums[k] = 0;
  for (dim_t group = 0; group < h; group += 16) {
    V s1 = {}, s2 = {}, s3 = {}, s4 = {}, s5 = {};
    for (dim_t i = group; i < std::min(h, group + 16); ++i) {
      const float* row = x + i * w;
      const bool has_below = i + 1 < h;
      const float* below = has_below ? row + w : row;  // the last row has no differences downwards
      V a = columns<V>(row, 0, w), c = columns<V>(below, 0, w);
      for (dim_t j = 0; j < w; j += 16) {
        const V a_next = columns<V>(row, j + 16, w), c_next = columns<V>(below, j + 16, w);
        const V b = shifted_left(a, a_next), d = shifted_left(c, c_next);
        const auto has_right = first_lanes16<V>(std::min<dim_t>(16, w - 1 - j));
        const V d1 = select(has_right, a - b, V{});
        s1 += d1 * d1;
        s5 += a * a;
        if (has_below) {
          const V d2 = a - c, d3 = select(has_right, c - b, V{}), d4 = select(has_right, a - d, V{});
          s2 += d2 * d2;
          s3 += d3 * d3;
          s4 += d4 * d4;
        }
        a = a_next;
        c = c_next;
      }
    }
    const V lanes[kNumImageNorms] = {s1, s2, s3, s4, s5};
    for (int k = 0; k < kNumImageNorms; ++k) sums[k] += sum_lanes(lanes[k]);
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, square_sums, (const float* x, dim_t h, dim_t w, double* sums), (x, h, w, sums))

/// What multiplies each difference: grad / norm, or 0.
struct Weights {
  float side, vertical, falling, rising, self;  // D1; D2; D4 (up-left to down-right); D3; x
};

/// Every difference of direction k pulls its two ends together, so the gradient of a pixel is the sum of weight * (x -
/// neighbour) over its neighbours that exist.
template <class V>
ENGRAM_ALWAYS_INLINE void gradient_plane_lanes(const float* x, dim_t h, dim_t w, const Weights& weights, float* grad) {
  for (dim_t i = 0; i < h; ++i) {
    const float* row = x + i * w;
    const bool has_up = i > 0, has_down = i + 1 < h;
    const float* up = has_up ? row - w : row;
    const float* down = has_down ? row + w : row;
    const float vertical_up = has_up ? weights.vertical : 0, vertical_down = has_down ? weights.vertical : 0;
    const float falling_up = has_up ? weights.falling : 0, falling_down = has_down ? weights.falling : 0;
    const float rising_up = has_up ? weights.rising : 0, rising_down = has_down ? weights.rising : 0;
    V u = columns<V>(up, 0, w), m = columns<V>(row, 0, w), d = columns<V>(down, 0, w);
    V u_before = {}, m_before = {}, d_before = {};
    for (dim_t j = 0; j < w; j += 16) {
      const V u_next = columns<V>(up, j + 16, w), m_next = columns<V>(row, j + 16, w),
              d_next = columns<V>(down, j + 16, w);
      const V left = (m - shifted_right(m_before, m)) * weights.side + (m - shifted_right(u_before, u)) * falling_up +
                     (m - shifted_right(d_before, d)) * rising_down;
      const V right = (m - shifted_left(m, m_next)) * weights.side + (m - shifted_left(u, u_next)) * rising_up +
                      (m - shifted_left(d, d_next)) * falling_down;
      const auto at_left_edge = lane16<V>(-j);
      const auto has_right = first_lanes16<V>(std::min<dim_t>(16, w - 1 - j));
      const V g = (m - u) * vertical_up + (m - d) * vertical_down + m * weights.self + select(at_left_edge, V{}, left) +
                  select(has_right, right, V{});
      store_lanes(grad + i * w + j, g, std::min<dim_t>(16, w - j));
      u_before = u, m_before = m, d_before = d;
      u = u_next, m = m_next, d = d_next;
    }
  }
}
ENGRAM_FOR_EACH_INSTRUCTION_SET(void, gradient_plane,
                                (const float* x, dim_t h, dim_t w, const Weights& weights, float* grad),
                                (x, h, w, weights, grad))

void forward(Stream, const ImagePriorForwardArgs& args) {
  parallel_for(args.planes, args.h * args.w, [&](dim_t plane) {
    square_sums(args.x + plane * args.h * args.w, args.h, args.w, args.workspace + plane * kNumImageNorms);
  });
  double sums[kNumImageNorms] = {};
  for (dim_t plane = 0; plane < args.planes; ++plane)
    for (int k = 0; k < kNumImageNorms; ++k) sums[k] += args.workspace[plane * kNumImageNorms + k];
  for (int k = 0; k < kNumImageNorms; ++k) args.norms[k] = float(std::sqrt(sums[k]));
  if (args.tv) *args.tv = float(std::sqrt(sums[0]) + std::sqrt(sums[1]) + std::sqrt(sums[2]) + std::sqrt(sums[3]));
  if (args.l2) *args.l2 = args.norms[4];
}

void backward(Stream, const ImagePriorBackwardArgs& args) {
  const float tv = args.grad_tv ? *args.grad_tv : 0.f, l2 = args.grad_l2 ? *args.grad_l2 : 0.f;
  const auto weight = [&](float grad, int k) { return args.norms[k] > 0 ? grad / args.norms[k] : 0.f; };
  const Weights weights = {weight(tv, 0), weight(tv, 1), weight(tv, 3), weight(tv, 2), weight(l2, 4)};
  parallel_for(args.planes, args.h * args.w * 2, [&](dim_t plane) {
    gradient_plane(args.x + plane * args.h * args.w, args.h, args.w, weights, args.grad_x + plane * args.h * args.w);
  });
}

std::size_t workspace_bytes(dim_t planes, dim_t, dim_t) {
  return std::size_t(planes) * kNumImageNorms * sizeof(double);
}

}  // namespace

Cost image_prior_forward_cost(dim_t count) {
  return {4 * count, 0, 14 * count};
}
Cost image_prior_backward_cost(dim_t count) {
  return {4 * count, 4 * count, 26 * count};
}

const ImagePriorKernels kCpuImagePrior = {forward, backward, workspace_bytes};

}  // namespace engram::kernels
