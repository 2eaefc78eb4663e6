#include "kernels/backend.h"

namespace engram::kernels {

const Backend& cpu_backend() {
  static const Backend backend = {
      .name = "cpu",
      .elementwise = kCpuElementwise,
      .pool = kCpuPool,
      .reduce = kCpuReduce,
      .resample = kCpuResample,
      .strided_copy = kCpuStridedCopy,
  };
  return backend;
}

}  // namespace engram::kernels
