#pragma once
/// Deliberately broken kernels, and who must find each.

#include <string>
#include <vector>

#include "emulator/emulator.h"

namespace emu::testing {

/// One broken kernel.
struct SeededBug {
  const char* name;
  Tool found_by;
  const char* said;  ///< part of the report
  void (*run)();
};

const std::vector<SeededBug>& seeded_bugs();
/// On tensor cores and asynchronous copies.
const std::vector<SeededBug>& seeded_tensor_bugs();

}  // namespace emu::testing
