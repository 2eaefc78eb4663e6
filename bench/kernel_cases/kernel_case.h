#pragma once
/// Cases of the kernel families (kernel_cases/) for the programs that measure them.

#include "kernel_cases/kernel_case.h"

namespace engram::bench {

using cases::CaseDevice;
using cases::DeviceArrays;
using cases::KernelCase;

/// Every case with operands of about `scale` MB, channels-last, as on CUDA.
inline std::vector<KernelCase> family_cases(std::int64_t scale) {
  return cases::family_cases({.scale = scale});
}

}  // namespace engram::bench
