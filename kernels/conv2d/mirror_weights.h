#pragma once
/// The convolution whose forward pass is the data gradient of another. Internal to the convolution.

#include "kernels/conv2d/conv2d.h"

namespace engram::kernels {

/// Whether `mirrored` exists: stride 1, one group, padding below the kernel's extent.
bool has_mirror(const Conv2dShape& shape);

/// With stride 1, the data gradient of a convolution is the forward pass of its mirror image: x and y exchanged,
/// kernels turned by 180 degrees, padding k - 1 - p. The weight gradient of the mirror image is the turned weight
/// gradient.
Conv2dShape mirrored(const Conv2dShape& shape);

/// dst[i][o][taps - 1 - t] = src[o][i][t] for src [out, in, taps].
void mirror_weights(const float* src, dim_t out, dim_t in, dim_t taps, float* dst);

}  // namespace engram::kernels
