#include "kernels/backend.h"

namespace engram::kernels {

const Backend& cpu_backend() {
  static const Backend backend = {
      .name = "cpu",
      .elementwise = kCpuElementwise,
  };
  return backend;
}

}  // namespace engram::kernels
