#pragma once
/// A kernel launch as data: what a stream queues and the engine runs. Free of CUDA's names, so that it can be included
/// beside the toolkit's headers.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "emulator/pointer_argument.h"
#include "emulator/source_location.h"

namespace emu {

/// Extents of a grid or block, or an index in it.
struct Extent {
  unsigned x = 1, y = 1, z = 1;
  std::uint64_t count() const { return std::uint64_t{x} * y * z; }
};

/// One launch, complete: arguments are copies.
struct Launch {
  const char* kernel = "";         ///< as written in the launch
  const void* function = nullptr;  ///< address of the kernel
  SourceLocation where;            ///< of the launch
  Extent grid, block;
  std::size_t dynamic_shared_bytes = 0;
  void* stream = nullptr;                          ///< cudaStream_t
  void (*entry)(const void* arguments) = nullptr;  ///< runs the kernel for one thread
  std::shared_ptr<const void> arguments;
  std::size_t argument_bytes = 0;
  std::vector<PointerArgument> pointers;  ///< what could be an address of device memory
};

/// Result of run() and submit(); values of cudaError_t.
enum class LaunchStatus : int {
  kSuccess = 0,
  kInvalidValue = 1,          ///< more dynamic shared memory than the kernel may have
  kInvalidConfiguration = 9,  ///< extents that CUDA refuses
  kLaunchFailure = 719        ///< the kernel was stopped: deadlock, divergence, bad mask
};

/// Runs a launch to its end on the calling thread (and the workers). Launches from several threads run one after
/// another.
LaunchStatus run(const Launch& launch);

/// What EMU_LAUNCH calls: passes the launch to the sink if there is one, else runs it. The first status other than
/// success is kept until take_launch_status().
void submit(Launch launch);

/// Takes launches instead of running them, for runtimes that queue (they call check_launch() at once and run() later).
/// An empty function restores immediate execution. Not for use while launches are under way.
void set_launch_sink(std::function<void(Launch)> sink);

/// Whether CUDA would take the launch: block and grid extents, dynamic shared memory. Adds a report if not.
LaunchStatus check_launch(const Launch& launch);

/// The first failed status of submit() since the last call; resets it.
LaunchStatus take_launch_status();
/// The same without reset.
LaunchStatus peek_launch_status();

/// Lets a kernel have this much dynamic shared memory (cudaFuncSetAttribute); 48 KiB otherwise.
/// Returns false above the device's limit.
bool allow_dynamic_shared(const void* function, std::size_t bytes);

}  // namespace emu
