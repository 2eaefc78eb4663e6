#include "tests/support/backend_under_test.h"

#include "kernels/conv2d/conv2d.h"
#include "kernels/matmul/matmul.h"
#include "tests/kernels/staged/device_under_test.h"
#include "tests/kernels/staged/staged_families.h"

namespace engram::kernels {

const Backend& backend_under_test() {
  // Convolutions and matrix products have no hand-written kernels.
  static const Backend backend = {
      .name = testing::device_under_test().kernels.name,
      .attention_map = testing::kStagedAttentionMap,
      .batch_norm = testing::kStagedBatchNorm,
      .bn_stats_match = testing::kStagedBnStatsMatch,
      .channel_scale = testing::kStagedChannelScale,
      .conv2d = kCpuConv2d,
      .depthwise_conv = testing::kStagedDepthwiseConv,
      .elementwise = testing::kStagedElementwise,
      .factor_distance = testing::kStagedFactorDistance,
      .grad_cosine = testing::kStagedGradCosine,
      .image_batch = testing::kStagedImageBatch,
      .image_prior = testing::kStagedImagePrior,
      .margin_error = testing::kStagedMarginError,
      .matmul = kCpuMatmul,
      .optim_step = testing::kStagedOptimStep,
      .pool = testing::kStagedPool,
      .random = testing::kStagedRandom,
      .reduce = testing::kStagedReduce,
      .reorder = testing::kStagedReorder,
      .resample = testing::kStagedResample,
      .residual_cosine = testing::kStagedResidualCosine,
      .softmax_xent = testing::kStagedSoftmaxXent,
      .spatial = testing::kStagedSpatial,
      .strided_copy = testing::kStagedStridedCopy,
      .survival_screen = testing::kStagedSurvivalScreen,
  };
  return backend;
}

}  // namespace engram::kernels
