#pragma once
/// Windows that move over the pixels of each channel: pooling and depthwise convolution.

#include "kernels/common/activation.h"

namespace engram::kernels {

/// Extents of the input, and the windows. Each family says how far they may reach outside of it.
struct WindowGeometry {
  ActivationShape x;
  dim_t kernel_h = 1, kernel_w = 1;
  dim_t stride_h = 1, stride_w = 1;
  dim_t pad_h = 0, pad_w = 0;

  dim_t out_h() const { return (x.h + 2 * pad_h - kernel_h) / stride_h + 1; }
  dim_t out_w() const { return (x.w + 2 * pad_w - kernel_w) / stride_w + 1; }
  /// Extents of the output, in the block of the input.
  ActivationShape y() const { return {x.n, x.c, out_h(), out_w(), x.block}; }
  /// Pixels of a window.
  dim_t taps() const { return kernel_h * kernel_w; }
};

/// Calls visit(output, plane, pixel, tap) for each pixel of the input in each window, in row-major order: the output's
/// planar position, the index of the image's channel, the pixel in its plane and in its window. For references.
template <class Visit>
void for_each_window_pixel(const WindowGeometry& g, const Visit& visit) {
  for (dim_t plane = 0; plane < g.x.n * g.x.c; ++plane)
    for (dim_t oh = 0; oh < g.out_h(); ++oh)
      for (dim_t ow = 0; ow < g.out_w(); ++ow)
        for (dim_t kh = 0; kh < g.kernel_h; ++kh)
          for (dim_t kw = 0; kw < g.kernel_w; ++kw) {
            const dim_t h = oh * g.stride_h - g.pad_h + kh, w = ow * g.stride_w - g.pad_w + kw;
            if (h < 0 || h >= g.x.h || w < 0 || w >= g.x.w) continue;
            visit((plane * g.out_h() + oh) * g.out_w() + ow, plane, h * g.x.w + w, kh * g.kernel_w + kw);
          }
}

}  // namespace engram::kernels
