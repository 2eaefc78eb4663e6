#include <algorithm>

#include "kernels/conv2d/conv2d.h"

namespace engram::kernels::reference {
namespace {

/// Calls visit(x index, w index, y index) for every product of the convolution.
template <class Visit>
void for_each_product(const Conv2dShape& s, const Visit& visit) {
  const dim_t icg = s.ic / s.groups, ocg = s.oc / s.groups;
  for (dim_t n = 0; n < s.n; ++n)
    for (dim_t o = 0; o < s.oc; ++o)
      for (dim_t y = 0; y < s.oh(); ++y)
        for (dim_t x = 0; x < s.ow(); ++x)
          for (dim_t i = 0; i < icg; ++i)
            for (dim_t ky = 0; ky < s.kh; ++ky)
              for (dim_t kx = 0; kx < s.kw; ++kx) {
                const dim_t iy = y * s.stride_h - s.pad_h + ky, ix = x * s.stride_w - s.pad_w + kx;
                if (iy < 0 || iy >= s.ih || ix < 0 || ix >= s.iw) continue;
                const dim_t c = o / ocg * icg + i;
                visit(((n * s.ic + c) * s.ih + iy) * s.iw + ix, ((o * icg + i) * s.kh + ky) * s.kw + kx,
                      ((n * s.oc + o) * s.oh() + y) * s.ow() + x);
              }
}

}  // namespace

void conv2d_fprop(const Conv2dShape& s, const double* x, const double* w, const double* bias, double* y) {
  const dim_t pixels = s.oh() * s.ow();
  for (dim_t i = 0; i < s.n * s.oc * pixels; ++i) y[i] = bias ? bias[i / pixels % s.oc] : 0;
  for_each_product(s, [&](dim_t ix, dim_t iw, dim_t iy) { y[iy] += x[ix] * w[iw]; });
}

void conv2d_dgrad(const Conv2dShape& s, const double* gy, const double* w, double* gx) {
  std::fill(gx, gx + s.n * s.ic * s.ih * s.iw, 0.0);
  for_each_product(s, [&](dim_t ix, dim_t iw, dim_t iy) { gx[ix] += gy[iy] * w[iw]; });
}

void conv2d_wgrad(const Conv2dShape& s, const double* x, const double* gy, double* gw, double* gbias) {
  std::fill(gw, gw + s.oc * (s.ic / s.groups) * s.kh * s.kw, 0.0);
  for_each_product(s, [&](dim_t ix, dim_t iw, dim_t iy) { gw[iw] += x[ix] * gy[iy]; });
  if (!gbias) return;
  const dim_t pixels = s.oh() * s.ow();
  std::fill(gbias, gbias + s.oc, 0.0);
  for (dim_t i = 0; i < s.n * s.oc * pixels; ++i) gbias[i / pixels % s.oc] += gy[i];
}

}  // namespace engram::kernels::reference
