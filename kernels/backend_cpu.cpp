#include "kernels/backend.h"

namespace engram::kernels {

const Backend& cpu_backend() {
  static const Backend backend = {
      .name = "cpu",
      .batch_norm = kCpuBatchNorm,
      .bn_stats_match = kCpuBnStatsMatch,
      .channel_scale = kCpuChannelScale,
      .conv2d = kCpuConv2d,
      .elementwise = kCpuElementwise,
      .grad_cosine = kCpuGradCosine,
      .image_prior = kCpuImagePrior,
      .matmul = kCpuMatmul,
      .optim_step = kCpuOptimStep,
      .pool = kCpuPool,
      .random = kCpuRandom,
      .reduce = kCpuReduce,
      .reorder = kCpuReorder,
      .resample = kCpuResample,
      .softmax_xent = kCpuSoftmaxXent,
      .spatial = kCpuSpatial,
      .strided_copy = kCpuStridedCopy,
      .survival_screen = kCpuSurvivalScreen,
  };
  return backend;
}

}  // namespace engram::kernels
