#pragma once
/// Cases of one kernel family, and the bits of their results.

#include <string>
#include <vector>

#include "kernel_cases/kernel_case.h"

namespace engram::testing {

/// Names of the families with cases at odd sizes.
std::vector<std::string> families_with_cases();

/// A family's cases at odd sizes.
std::vector<cases::KernelCase> cases_of(const std::string& family);

/// The bytes of all results of a call on a back end that takes host memory, one after another.
std::string bits_of(const cases::KernelCase& one, const kernels::Backend& kernels);

}  // namespace engram::testing
