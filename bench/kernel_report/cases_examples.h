#pragma once
/// The cases of engram-kernel-report.

#include "bench/kernel_cases/kernel_case.h"

namespace engram::bench {

/// The emulator's own examples, then the families at scale 1.
std::vector<KernelCase> report_cases();

}  // namespace engram::bench
