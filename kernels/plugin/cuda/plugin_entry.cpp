/// What the plug-in exports.

#include "kernels/plugin/cuda/device_api.h"

namespace engram::kernels {
namespace {

const Backend& cuda_backend() {
  static const Backend backend = {
      .name = "cuda",
      .batch_norm = kCudaBatchNorm,
      .bn_stats_match = kCudaBnStatsMatch,
      .channel_scale = kCudaChannelScale,
      .conv2d = kCudaConv2d,
      .elementwise = kCudaElementwise,
      .grad_cosine = kCudaGradCosine,
      .image_prior = kCudaImagePrior,
      .matmul = kCudaMatmul,
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
  return backend;
}

}  // namespace
}  // namespace engram::kernels

extern "C" __attribute__((visibility("default"))) const engram::kernels::Plugin* engram_plugin() {
  using namespace engram::kernels;  // NOLINT(google-build-using-namespace): names of one function
  static const Plugin plugin = {
    .version = kPluginVersion,
    .table_bytes = kPluginTableBytes,
#if defined(ENGRAM_EMULATED)
    .name = "emu",
#else
    .name = "cuda",
#endif
    .backend = &cuda_backend(),
    .devices = &cuda::device_api(),
  };
  return &plugin;
}
