#pragma once
/// Activations between blocks of 16 channels and blocks of 8. Internal to the convolution.

#include "kernels/common/activation.h"

namespace engram::kernels {

/// nChw16c to nChw8c; `shape` is that of the blocks of 16. Exact.
void halve_blocks(const ActivationShape& shape, const float* src, float* dst);
/// nChw8c to nChw16c.
void join_blocks(const ActivationShape& shape, const float* src, float* dst);

}  // namespace engram::kernels
