#pragma once
/// What follows a convolution on CUDA whose library works on planar activations. Internal to the convolution.

#include "kernels/common/activation.h"
#include "kernels/common/stream.h"

namespace engram::kernels {

/// y = act(planar + bias + residual), where `planar` is the result of `shape` in planar order and y and the residual
/// are channels-last.
struct PlanarResultArgs {
  ActivationShape shape;  ///< of y
  const float* planar;
  const float* bias;      ///< [c] or null
  const float* residual;  ///< or null; may be y
  bool relu;
  float* y;
};

/// One pass over the operands.
void finish_planar_result(Stream stream, const PlanarResultArgs& args);

}  // namespace engram::kernels
