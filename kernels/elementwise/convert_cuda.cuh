#pragma once
/// The conversion of element types on CUDA.

#include "kernels/common/stream.h"
#include "kernels/elementwise/elementwise.h"

namespace engram::kernels::cuda {

/// As ElementwiseKernels::convert.
void convert(Stream stream, const ConvertArgs& args);

}  // namespace engram::kernels::cuda
