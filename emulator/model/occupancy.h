#pragma once
/// Theoretical occupancy: how many warps of a kernel fit on a multiprocessor, by registers, shared memory and slots.

#include <cstdint>
#include <vector>

namespace emu {

/// Limits of one multiprocessor.
struct MultiprocessorLimits {
  int compute_capability;  ///< 90 for 9.0
  int max_warps, max_blocks;
  std::int64_t registers;             ///< 32-bit
  std::int64_t register_granularity;  ///< registers are given to a warp in multiples of this
  std::int64_t shared_bytes;
  std::int64_t shared_granularity;
  std::int64_t reserved_shared_bytes;  ///< taken by the system for each block
};

/// Compute capabilities 8.0, 8.9, 9.0 and 10.0, from the table "Technical Specifications per Compute Capability" of the
/// CUDA C++ Programming Guide; granularities as in NVIDIA's occupancy calculator.
const std::vector<MultiprocessorLimits>& multiprocessor_limits();
/// Those of one compute capability; throws std::out_of_range for one that is not in the table.
const MultiprocessorLimits& limits_of(int compute_capability);

/// Resident warps and what bounds them.
struct Occupancy {
  int warps = 0;
  double fraction = 0;     ///< of max_warps
  const char* bound = "";  ///< "warps", "blocks", "registers", "shared memory"; "does not fit"
};

/// Occupancy of blocks of `threads` threads with that many registers a thread and shared bytes (static and dynamic) a
/// block.
Occupancy occupancy(const MultiprocessorLimits& limits, int threads, int registers, std::int64_t shared_bytes);

}  // namespace emu
