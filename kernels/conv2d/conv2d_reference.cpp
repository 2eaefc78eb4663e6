#include <algorithm>

#include "kernels/conv2d/conv2d.h"

namespace engram::kernels::reference {
namespace {

/// Calls `f(x position, w position, y position)` for every product of the convolution.
template <class F>
void for_each_product(const Conv2dShape& s, const F& f) {
  const dim_t icg = s.ic / s.groups, ocg = s.oc / s.groups, oh = s.oh(), ow = s.ow();
  for (dim_t n = 0; n < s.n; ++n)
    for (dim_t o = 0; o < s.oc; ++o)
      for (dim_t i = 0; i < icg; ++i)
        for (dim_t a = 0; a < s.kh; ++a)
          for (dim_t b = 0; b < s.kw; ++b)
            for (dim_t y = 0; y < oh; ++y)
              for (dim_t x = 0; x < ow; ++x) {
                const dim_t h = y * s.stride_h - s.pad_h + a, w = x * s.stride_w - s.pad_w + b;
                if (h < 0 || h >= s.ih || w < 0 || w >= s.iw) continue;
                const dim_t c = o / ocg * icg + i;
                f(((n * s.ic + c) * s.ih + h) * s.iw + w, ((o * icg + i) * s.kh + a) * s.kw + b,
                  ((n * s.oc + o) * oh + y) * ow + x);
              }
}

}  // namespace

void conv2d_fprop(const Conv2dShape& s, const double* x, const double* w, const double* bias, double* y) {
  const dim_t pixels = s.oh() * s.ow(), count = s.n * s.oc * pixels;
  for (dim_t i = 0; i < count; ++i) y[i] = bias ? bias[i / pixels % s.oc] : 0;
  for_each_product(s, [&](dim_t xi, dim_t wi, dim_t yi) { y[yi] += x[xi] * w[wi]; });
}

void conv2d_dgrad(const Conv2dShape& s, const double* gy, const double* w, double* gx) {
  std::fill_n(gx, s.n * s.ic * s.ih * s.iw, 0.0);
  for_each_product(s, [&](dim_t xi, dim_t wi, dim_t yi) { gx[xi] += gy[yi] * w[wi]; });
}

void conv2d_wgrad(const Conv2dShape& s, const double* x, const double* gy, double* gw, double* gbias) {
  std::fill_n(gw, s.weight_count(), 0.0);
  for_each_product(s, [&](dim_t xi, dim_t wi, dim_t yi) { gw[wi] += x[xi] * gy[yi]; });
  if (!gbias) return;
  const dim_t pixels = s.oh() * s.ow();
  std::fill_n(gbias, s.oc, 0.0);
  for (dim_t i = 0; i < s.n * s.oc * pixels; ++i) gbias[i / pixels % s.oc] += gy[i];
}

}  // namespace engram::kernels::reference
