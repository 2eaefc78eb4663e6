#pragma once
/// What happens after each launch. Free of CUDA's headers, so that host code may include it.

#include <cstddef>
#include <cstdint>

namespace engram::kernels {

/// One launch, as a log line needs it.
struct LaunchRecord {
  const char* kernel;  ///< as written at the launch, with its template arguments
  unsigned grid[3];
  unsigned block[3];
  std::size_t shared_bytes;
  void* stream;  ///< cudaStream_t
  int num_sizes;
  std::int64_t sizes[8];  ///< the first whole numbers among the kernel's arguments: its extents
};

/// Called after every launch of a kernel of this library, on the launching thread.
using LaunchObserver = void (*)(const LaunchRecord&);

/// Replaces the observer; null for none. Not for use while other threads launch.
void set_launch_observer(LaunchObserver observer);

}  // namespace engram::kernels
