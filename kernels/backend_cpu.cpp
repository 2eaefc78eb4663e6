#include "kernels/backend.h"

namespace engram::kernels {

// Each in kernels/<family>/<family>.h.
#define ENGRAM_DECLARE_CPU(family, Family) extern const Family##Kernels kCpu##Family;
ENGRAM_KERNEL_FAMILIES(ENGRAM_DECLARE_CPU)
#undef ENGRAM_DECLARE_CPU

const Backend& cpu_backend() {
#define ENGRAM_CPU_MEMBER(family, Family) .family = kCpu##Family,
  static const Backend backend = {.name = "cpu", ENGRAM_KERNEL_FAMILIES(ENGRAM_CPU_MEMBER)};
#undef ENGRAM_CPU_MEMBER
  return backend;
}

}  // namespace engram::kernels
