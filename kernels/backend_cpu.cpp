#include "kernels/backend.h"

namespace engram::kernels {

const Backend& cpu_backend() {
  static const Backend backend = {
      .name = "cpu",
      .elementwise = kCpuElementwise,
      .reduce = kCpuReduce,
      .strided_copy = kCpuStridedCopy,
  };
  return backend;
}

}  // namespace engram::kernels
