#pragma once
/// The example kernels with odd extents, checked against plain loops.

#include <string>

namespace emu::testing {

/// Runs every example; returns the names of those whose results are wrong, separated by spaces.
std::string run_examples();

}  // namespace emu::testing
