#pragma once
/// The passes of a depthwise convolution without history. Internal to engine/ops. conv2d records them.

#include "engine/ops/conv2d.h"

namespace engram {

/// Whether conv2d of these extents runs on the depthwise kernels: one filter a channel, a window of at most
/// kernels::kMaxDepthwiseTaps taps, padding below its extent. The extents make a convolution.
bool takes_depthwise_kernels(const Shape& x, const Shape& weight, const Conv2dOptions& options);

/// relu?(convolution + bias), in the layout that conv2d gives.
Tensor depthwise_forward(const Tensor& x, const Tensor& weight, const Tensor& bias, bool relu,
                         const Conv2dOptions& options);
/// Gradient to x of shape `x_shape`.
Tensor depthwise_data_gradient(const Tensor& gy, const Tensor& weight, const Shape& x_shape,
                               const Conv2dOptions& options);
/// Gradient to the weight of shape `weight_shape`.
Tensor depthwise_weight_gradient(const Tensor& x, const Tensor& gy, const Shape& weight_shape,
                                 const Conv2dOptions& options);

}  // namespace engram
