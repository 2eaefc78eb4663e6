#pragma once
/// Registers, spills and shared memory of compiled kernels, as bench/gates/ptxas_budget wrote them down.

#include <cstdint>
#include <map>
#include <string>

namespace engram::bench {

/// What ptxas said of one kernel on one architecture.
struct KernelResources {
  int registers = 0;
  std::int64_t spill_bytes = 0;  ///< stores and loads
  std::int64_t shared_bytes = 0;
};

/// Resources by kernel name ("ns::f<4>").
using Budget = std::map<std::string, KernelResources>;

/// Reads the table of one architecture ("sm_90") from the newest nvcc in the file. Throws DataError if the file is no
/// such table.
Budget read_budget(const std::string& path, const std::string& architecture);

}  // namespace engram::bench
