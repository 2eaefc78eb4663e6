#pragma once
/// The mean over all pixels of each channel, and its adjoint, on CUDA.

#include "kernels/pool/pool.h"

namespace engram::kernels::cuda {

/// As PoolKernels::global_avg_pool and global_avg_pool_backward.
void global_avg_pool(Stream stream, const GlobalAvgPoolArgs& args);
void global_avg_pool_backward(Stream stream, const GlobalAvgPoolBackwardArgs& args);

}  // namespace engram::kernels::cuda
