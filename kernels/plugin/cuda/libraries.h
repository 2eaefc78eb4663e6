#pragma once
/// What the rest of the plug-in must know of cuDNN and cuBLAS. Free of their types.

#include <string>

#include "kernels/common/stream.h"

namespace engram::kernels::cuda {

/// "cuDNN 9.19.0".
std::string cudnn_version();
/// "cuBLAS 13.1.0".
std::string cublas_version();

/// Frees what cuBLAS keeps for a stream that is about to go.
void forget_stream(Stream stream) noexcept;

}  // namespace engram::kernels::cuda
