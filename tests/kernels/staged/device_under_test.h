#pragma once
/// The device whose kernels an executable tests. Each defines it: with the emulator, or with a GPU's plug-in.

#include "kernel_cases/device_arrays.h"

namespace engram::testing {

/// Its memory is aligned to 256 bytes and has values that no test expects.
const cases::CaseDevice& device_under_test();

}  // namespace engram::testing
