#pragma once
/// The Kullback-Leibler divergence of two soft-maxes on CUDA.

#include "kernels/softmax_xent/softmax_xent.h"

namespace engram::kernels::cuda {

/// As SoftmaxXentKernels::kl_forward and kl_backward.
void kl_forward(Stream stream, const KlForwardArgs& args);
void kl_backward(Stream stream, const KlBackwardArgs& args);

}  // namespace engram::kernels::cuda
