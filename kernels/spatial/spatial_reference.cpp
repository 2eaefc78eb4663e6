#include "kernels/spatial/spatial.h"

namespace engram::kernels::reference {
namespace {

/// x at (plane, h, w), or `outside`.
double at(const ActivationShape& s, const double* x, dim_t plane, dim_t h, dim_t w, double outside) {
  if (h < 0 || h >= s.h || w < 0 || w >= s.w) return outside;
  return x[(plane * s.h + h) * s.w + w];
}

}  // namespace

void pad(const ActivationShape& s, dim_t top, dim_t bottom, dim_t left, dim_t right, double value, const double* x,
         double* y) {
  for (dim_t plane = 0; plane < s.n * s.c; ++plane)
    for (dim_t i = 0; i < s.h + top + bottom; ++i)
      for (dim_t j = 0; j < s.w + left + right; ++j) *y++ = at(s, x, plane, i - top, j - left, value);
}

void shifted_crop(const ActivationShape& s, const std::int32_t* offsets, dim_t out_h, dim_t out_w, const double* x,
                  double* y) {
  for (dim_t n = 0; n < s.n; ++n)
    for (dim_t c = 0; c < s.c; ++c)
      for (dim_t i = 0; i < out_h; ++i)
        for (dim_t j = 0; j < out_w; ++j) *y++ = at(s, x, n * s.c + c, i + offsets[2 * n], j + offsets[2 * n + 1], 0);
}

void horizontal_flip(const ActivationShape& s, const std::uint8_t* flags, const double* x, double* y) {
  for (dim_t n = 0; n < s.n; ++n)
    for (dim_t row = n * s.c * s.h; row < (n + 1) * s.c * s.h; ++row)
      for (dim_t w = 0; w < s.w; ++w) y[row * s.w + w] = x[row * s.w + (flags[n] ? s.w - 1 - w : w)];
}

void scatter_add_rows(const double* x, const std::int32_t* index, dim_t rows, dim_t width, double* y) {
  for (dim_t i = 0; i < rows; ++i)
    for (dim_t j = 0; j < width; ++j) y[index[i] * width + j] += x[i * width + j];
}

}  // namespace engram::kernels::reference
