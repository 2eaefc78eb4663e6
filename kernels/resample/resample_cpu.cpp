#include <cstring>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/resample/resample.h"

namespace engram::kernels {
namespace {

/// Factors with a compile-time loop; 0 stands for any other.
template <class Visitor>
ENGRAM_ALWAYS_INLINE void visit_factor(dim_t factor, const Visitor& visit) {
  if (factor == 2) {
    visit.template operator()<2>();
  } else if (factor == 4) {
    visit.template operator()<4>();
  } else {
    visit.template operator()<0>();
  }
}

/// Widens one row of `width` pixels into `y`, `factor` copies of each.
ENGRAM_MULTIVERSION void widen_row(const float* x, dim_t width, dim_t block, dim_t factor, float* y) {
  visit_factor(
      factor, [&]<int kFactor>() __attribute__((always_inline)) {
        const dim_t s = kFactor ? kFactor : factor;
        if (block == 16) {
          for (dim_t w = 0; w < width; ++w) {
            const Vec16 v = load16(x + 16 * w);
            for (dim_t j = 0; j < s; ++j) store16(y + 16 * (w * s + j), v);
          }
        } else if (block == 1) {
          for (dim_t w = 0; w < width; ++w)
            for (dim_t j = 0; j < s; ++j) y[w * s + j] = x[w];
        } else {
          for (dim_t w = 0; w < width; ++w)
            for (dim_t j = 0; j < s; ++j)
              for (dim_t l = 0; l < block; ++l) y[(w * s + j) * block + l] = x[w * block + l];
        }
      });
}

/// Sums the `factor` rows at `dy` (each `factor * width` pixels) into one row of `width` pixels.
ENGRAM_MULTIVERSION void fold_rows(const float* dy, dim_t width, dim_t block, dim_t factor, float* dx) {
  visit_factor(
      factor, [&]<int kFactor>() __attribute__((always_inline)) {
        const dim_t s = kFactor ? kFactor : factor;
        const dim_t row = width * s * block;
        if (block == 16) {
          for (dim_t w = 0; w < width; ++w) {
            Vec16 sum = {};
            for (dim_t i = 0; i < s; ++i)
              for (dim_t j = 0; j < s; ++j) sum += load16(dy + i * row + 16 * (w * s + j));
            store16(dx + 16 * w, sum);
          }
        } else {
          for (dim_t w = 0; w < width; ++w)
            for (dim_t l = 0; l < block; ++l) {
              float sum = 0;
              for (dim_t i = 0; i < s; ++i)
                for (dim_t j = 0; j < s; ++j) sum += dy[i * row + (w * s + j) * block + l];
              dx[w * block + l] = sum;
            }
        }
      });
}

void upsample_nearest(Stream, const UpsampleNearestArgs& a) {
  const dim_t in = a.x_shape.w * a.x_shape.block, out = in * a.factor;
  parallel_for(a.x_shape.n * a.x_shape.blocks() * a.x_shape.h, out * a.factor, [&](dim_t r) {
    float* first = a.y + r * a.factor * out;
    widen_row(a.x + r * in, a.x_shape.w, a.x_shape.block, a.factor, first);
    for (dim_t i = 1; i < a.factor; ++i) std::memcpy(first + i * out, first, std::size_t(out) * sizeof(float));
  });
}

void upsample_nearest_backward(Stream, const UpsampleNearestBackwardArgs& a) {
  const dim_t in = a.x_shape.w * a.x_shape.block, out = in * a.factor;
  parallel_for(a.x_shape.n * a.x_shape.blocks() * a.x_shape.h, out * a.factor, [&](dim_t r) {
    fold_rows(a.dy + r * a.factor * out, a.x_shape.w, a.x_shape.block, a.factor, a.dx + r * in);
  });
}

}  // namespace

Cost upsample_nearest_cost(const ActivationShape& x_shape, dim_t factor) {
  return {x_shape.count() * 4, x_shape.count() * 4 * factor * factor, 0};
}

Cost upsample_nearest_backward_cost(const ActivationShape& x_shape, dim_t factor) {
  const dim_t outputs = x_shape.count() * factor * factor;
  return {outputs * 4, x_shape.count() * 4, outputs};
}

const ResampleKernels kCpuResample = {upsample_nearest, upsample_nearest_backward};

}  // namespace engram::kernels
