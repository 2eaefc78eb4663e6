#pragma once
/// Physical layout of 4-D activations.

#include "kernels/common/types.h"

namespace engram::kernels {

/// Extents of a 4-D activation, logically [N,C,H,W], physically dense [N, C/block, H, W, block].
/// block = 1 is planar NCHW, 16 the blocked CPU layout nChw16c, and c channels-last. `c` is a multiple of `block`.
struct ActivationShape {
  dim_t n = 0, c = 0, h = 0, w = 0;
  dim_t block = 1;

  dim_t blocks() const { return c / block; }
  dim_t pixels() const { return h * w; }
  dim_t count() const { return n * c * h * w; }
  /// Values behind one channel's statistics: n * h * w.
  dim_t per_channel() const { return n * h * w; }
};

}  // namespace engram::kernels
