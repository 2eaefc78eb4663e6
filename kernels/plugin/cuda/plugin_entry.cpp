/// What the plug-in exports.

#include "kernels/conv2d/conv2d.h"
#include "kernels/matmul/matmul.h"
#include "kernels/plugin/cuda/cuda_backend.h"
#include "kernels/plugin/cuda/device_api.h"

namespace engram::kernels {
namespace {

const Backend& cuda_backend() {
  static const Backend backend = cuda::backend_with("cuda", kCudaConv2d, kCudaMatmul);
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
