#pragma once
/// The table of the CUDA kernels.

#include "kernels/backend.h"

namespace engram::kernels::cuda {

/// The hand-written families, with these for convolutions and matrix products, which belong to libraries.
inline Backend backend_with(const char* name, const Conv2dKernels& conv2d, const MatmulKernels& matmul) {
  return {
      .name = name,
      .batch_norm = kCudaBatchNorm,
      .bn_stats_match = kCudaBnStatsMatch,
      .channel_scale = kCudaChannelScale,
      .conv2d = conv2d,
      .elementwise = kCudaElementwise,
      .grad_cosine = kCudaGradCosine,
      .image_prior = kCudaImagePrior,
      .matmul = matmul,
      .optim_step = kCudaOptimStep,
      .pool = kCudaPool,
      .random = kCudaRandom,
      .reduce = kCudaReduce,
      .reorder = kCudaReorder,
      .resample = kCudaResample,
      .softmax_xent = kCudaSoftmaxXent,
      .spatial = kCudaSpatial,
      .strided_copy = kCudaStridedCopy,
      .survival_screen = kCudaSurvivalScreen,
  };
}

}  // namespace engram::kernels::cuda
