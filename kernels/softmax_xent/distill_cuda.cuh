#pragma once
/// Cross entropy together with a divergence at a temperature on CUDA.

#include "kernels/softmax_xent/softmax_xent.h"

namespace engram::kernels::cuda {

/// As SoftmaxXentKernels::distill_forward, distill_backward and distill_workspace_bytes.
void distill_forward(Stream stream, const DistillForwardArgs& args);
void distill_backward(Stream stream, const DistillBackwardArgs& args);
std::size_t distill_workspace_bytes(dim_t rows, dim_t classes);

}  // namespace engram::kernels::cuda
