#include <cmath>

#include "kernels/image_prior/image_prior.h"

namespace engram::kernels::reference {
namespace {

/// Calls visit(k, a, b) for every difference x[a] - x[b] of direction k.
template <class Visit>
void for_each_difference(dim_t planes, dim_t h, dim_t w, const Visit& visit) {
  for (dim_t plane = 0; plane < planes; ++plane)
    for (dim_t i = 0; i < h; ++i)
      for (dim_t j = 0; j < w; ++j) {
        const dim_t here = (plane * h + i) * w + j, right = here + 1, down = here + w;
        if (j + 1 < w) visit(0, here, right);
        if (i + 1 < h) visit(1, here, down);
        if (i + 1 < h && j + 1 < w) visit(2, down, right);
        if (i + 1 < h && j + 1 < w) visit(3, here, down + 1);
      }
}

}  // namespace

void image_norms(const double* x, dim_t planes, dim_t h, dim_t w, double* norms) {
  for (int k = 0; k < kNumImageNorms; ++k) norms[k] = 0;
  for_each_difference(planes, h, w, [&](int k, dim_t a, dim_t b) { norms[k] += (x[a] - x[b]) * (x[a] - x[b]); });
  for (dim_t i = 0; i < planes * h * w; ++i) norms[4] += x[i] * x[i];
  for (int k = 0; k < kNumImageNorms; ++k) norms[k] = std::sqrt(norms[k]);
}

void image_prior_backward(const double* x, double grad_tv, double grad_l2, dim_t planes, dim_t h, dim_t w,
                          double* grad_x) {
  double norms[kNumImageNorms];
  image_norms(x, planes, h, w, norms);
  for (dim_t i = 0; i < planes * h * w; ++i) grad_x[i] = norms[4] > 0 ? grad_l2 * x[i] / norms[4] : 0;
  for_each_difference(planes, h, w, [&](int k, dim_t a, dim_t b) {
    if (norms[k] == 0) return;
    const double g = grad_tv * (x[a] - x[b]) / norms[k];
    grad_x[a] += g;
    grad_x[b] -= g;
  });
}

}  // namespace engram::kernels::reference
