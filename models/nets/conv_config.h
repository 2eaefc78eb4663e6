#pragma once
/// Convolutions as the networks use them. Threads: as models/module.h says.

#include "models/layers.h"

namespace engram {

/// 3x3 with one pixel of padding, without bias.
inline Conv2dConfig conv3x3(dim_t in, dim_t out, dim_t stride = 1) {
  return {.in_channels = in, .out_channels = out, .stride = stride};
}

/// The same with a bias.
inline Conv2dConfig biased_conv3x3(dim_t in, dim_t out, dim_t stride = 1) {
  return {.in_channels = in, .out_channels = out, .stride = stride, .bias = true};
}

/// 1x1 without bias.
inline Conv2dConfig conv1x1(dim_t in, dim_t out, dim_t groups = 1) {
  return {.in_channels = in, .out_channels = out, .kernel = 1, .padding = 0, .groups = groups};
}

/// 3x3 of each channel by itself, without bias.
inline Conv2dConfig depthwise3x3(dim_t channels, dim_t stride) {
  return {.in_channels = channels, .out_channels = channels, .stride = stride, .groups = channels};
}

/// He's initialisation by the number of outputs that an input reaches (kaiming_normal_ with mode fan_out).
inline Init he_fan_out(const Conv2dConfig& conv) {
  return Init::he_normal(Conv2d::fan_out(conv));
}

}  // namespace engram
