#pragma once
/// The table of the CUDA kernels.

#include "kernels/attention_map/attention_map.h"
#include "kernels/backend.h"
#include "kernels/batch_norm/batch_norm.h"
#include "kernels/bn_stats_match/bn_stats_match.h"
#include "kernels/channel_scale/channel_scale.h"
#include "kernels/conv2d/conv2d.h"
#include "kernels/depthwise_conv/depthwise_conv.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/factor_distance/factor_distance.h"
#include "kernels/grad_cosine/grad_cosine.h"
#include "kernels/image_batch/image_batch.h"
#include "kernels/image_prior/image_prior.h"
#include "kernels/margin_error/margin_error.h"
#include "kernels/matmul/matmul.h"
#include "kernels/optim_step/optim_step.h"
#include "kernels/pool/pool.h"
#include "kernels/random/random.h"
#include "kernels/reduce/reduce.h"
#include "kernels/reorder/reorder.h"
#include "kernels/resample/resample.h"
#include "kernels/residual_cosine/residual_cosine.h"
#include "kernels/softmax_xent/softmax_xent.h"
#include "kernels/spatial/spatial.h"
#include "kernels/strided_copy/strided_copy.h"
#include "kernels/survival_screen/survival_screen.h"

namespace engram::kernels::cuda {

/// The hand-written families, with these for convolutions and matrix products, which belong to libraries.
inline Backend backend_with(const char* name, const Conv2dKernels& conv2d, const MatmulKernels& matmul) {
  return {
      .name = name,
      .attention_map = kCudaAttentionMap,
      .batch_norm = kCudaBatchNorm,
      .bn_stats_match = kCudaBnStatsMatch,
      .channel_scale = kCudaChannelScale,
      .conv2d = conv2d,
      .depthwise_conv = kCudaDepthwiseConv,
      .elementwise = kCudaElementwise,
      .factor_distance = kCudaFactorDistance,
      .grad_cosine = kCudaGradCosine,
      .image_batch = kCudaImageBatch,
      .image_prior = kCudaImagePrior,
      .margin_error = kCudaMarginError,
      .matmul = matmul,
      .optim_step = kCudaOptimStep,
      .pool = kCudaPool,
      .random = kCudaRandom,
      .reduce = kCudaReduce,
      .reorder = kCudaReorder,
      .resample = kCudaResample,
      .residual_cosine = kCudaResidualCosine,
      .softmax_xent = kCudaSoftmaxXent,
      .spatial = kCudaSpatial,
      .strided_copy = kCudaStridedCopy,
      .survival_screen = kCudaSurvivalScreen,
  };
}

}  // namespace engram::kernels::cuda
