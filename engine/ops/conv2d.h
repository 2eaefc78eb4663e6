#pragma once
/// Two-dimensional convolution, f32. Differentiable to any order: its two gradients are operations of their own.
/// Results are blocked where the device can (see can_block_channels), else planar. The algorithms are those of the
/// calling thread's ComputeMode. Bits do not depend on the number of threads, except the last ones of weight gradients
/// that are direct sums (all under ConvPolicy::kExact, else where Winograd does not pay; see kernels/conv2d/conv2d.h).
/// Threads: as engine/tensor.h says.
/// Depthwise convolutions are direct sums in f32 in every mode (kernels/depthwise_conv), whose bits never depend on it.

#include "engine/compute_mode.h"
#include "engine/tensor.h"

namespace engram {

struct Conv2dOptions {
  dim_t stride = 1;
  dim_t padding = 0;
  dim_t groups = 1;
};

/// Cross-correlation of x [n,ic,ih,iw] with weight [oc,ic/groups,kh,kw], plus bias [oc] unless undefined. Throws
/// ShapeError.
Tensor conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias = {}, const Conv2dOptions& options = {});
/// Gradient of conv2d to x of shape `x_shape`, from gy. Throws ShapeError, as the next.
Tensor conv2d_data_gradient(const Tensor& gy, const Tensor& weight, const Shape& x_shape,
                            const Conv2dOptions& options = {});
/// Gradient of conv2d to the weight of shape `weight_shape`, from x and gy.
Tensor conv2d_weight_gradient(const Tensor& x, const Tensor& gy, const Shape& weight_shape,
                              const Conv2dOptions& options = {});

/// relu?(conv2d(x) + residual) in one pass without gradients; residual is undefined or has the shape of the result.
/// Nothing is recorded.
Tensor conv2d_inference(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& residual, bool relu,
                        const Conv2dOptions& options = {});

}  // namespace engram
