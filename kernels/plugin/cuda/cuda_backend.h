#pragma once
/// The table of the CUDA kernels.

#include "kernels/backend.h"

namespace engram::kernels {

// Each in kernels/<family>/<family>.h.
#define ENGRAM_DECLARE_CUDA(family, Family) extern const Family##Kernels kCuda##Family;
ENGRAM_HAND_WRITTEN_FAMILIES(ENGRAM_DECLARE_CUDA)
#undef ENGRAM_DECLARE_CUDA

}  // namespace engram::kernels

namespace engram::kernels::cuda {

/// The hand-written families, with these for convolutions and matrix products, which belong to libraries.
inline Backend backend_with(const char* name, const Conv2dKernels& conv2d, const MatmulKernels& matmul) {
#define ENGRAM_CUDA_MEMBER(family, Family) .family = kCuda##Family,
  return {.name = name, ENGRAM_HAND_WRITTEN_FAMILIES(ENGRAM_CUDA_MEMBER).conv2d = conv2d, .matmul = matmul};
#undef ENGRAM_CUDA_MEMBER
}

}  // namespace engram::kernels::cuda
