#pragma once
/// The cases that are counted on the emulator.

#include "kernel_cases/kernel_case.h"

namespace engram::bench {

/// The emulator's own examples, then the families at scale 1.
std::vector<cases::KernelCase> report_cases();

}  // namespace engram::bench
