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

namespace engram::kernels {

const Backend& cpu_backend() {
  static const Backend backend = {
      .name = "cpu",
      .attention_map = kCpuAttentionMap,
      .batch_norm = kCpuBatchNorm,
      .bn_stats_match = kCpuBnStatsMatch,
      .channel_scale = kCpuChannelScale,
      .conv2d = kCpuConv2d,
      .depthwise_conv = kCpuDepthwiseConv,
      .elementwise = kCpuElementwise,
      .factor_distance = kCpuFactorDistance,
      .grad_cosine = kCpuGradCosine,
      .image_batch = kCpuImageBatch,
      .image_prior = kCpuImagePrior,
      .margin_error = kCpuMarginError,
      .matmul = kCpuMatmul,
      .optim_step = kCpuOptimStep,
      .pool = kCpuPool,
      .random = kCpuRandom,
      .reduce = kCpuReduce,
      .reorder = kCpuReorder,
      .resample = kCpuResample,
      .residual_cosine = kCpuResidualCosine,
      .softmax_xent = kCpuSoftmaxXent,
      .spatial = kCpuSpatial,
      .strided_copy = kCpuStridedCopy,
      .survival_screen = kCpuSurvivalScreen,
  };
  return backend;
}

}  // namespace engram::kernels
