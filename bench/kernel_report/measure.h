#pragma once
/// Runs a case on the emulator and sums up what its kernels did.

#include <cstdint>
#include <string>
#include <vector>

#include "bench/kernel_report/budget.h"
#include "emulator/counters.h"
#include "kernel_cases/kernel_case.h"

namespace engram::bench {

using cases::KernelCase;

/// All launches of one kernel in a case.
struct KernelRow {
  std::string kernel;  ///< without namespaces
  int launches = 0;
  emu::LaunchCounts counts;  ///< sums; extents of the first launch
  int threads = 0;           ///< a block
  bool has_resources = false;
  KernelResources resources;
  double occupancy = 0;  ///< theoretical, on the architecture asked for; needs resources
  const char* occupancy_bound = "";
};

/// One case.
struct CaseResult {
  std::string name;
  Cost minimum;
  int launches = 0;
  std::int64_t bytes = 0;  ///< moved, read and written, after the cache model
  std::uint64_t conflicts = 0;
  std::uint64_t declared_conflicts = 0;
  double sector_efficiency = 1;
  std::vector<KernelRow> kernels;  ///< in order of the first launch
  std::string findings;            ///< the checker's reports; empty if there are none

  std::int64_t minimum_bytes() const { return minimum.bytes_read + minimum.bytes_written; }
};

/// Runs the case in forward order under the checker with counters on.
CaseResult measure(const KernelCase& kernel_case, const Budget& budget, int compute_capability);

}  // namespace engram::bench
