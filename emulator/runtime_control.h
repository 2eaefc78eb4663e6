#pragma once
/// The emulated CUDA runtime as tests and tools see it: how late work runs, which devices there are, and failures on
/// demand.
///
/// A stream is a queue. What is queued runs when the schedule says so, in the order of the queue and after the events
/// that it waits for, so a program that forgets to wait reads old data under at least one schedule. Beside that, every
/// operation carries a vector clock, and two that touch the same memory, one of them writing, without an order between
/// them are reported as a stream race whatever the schedule did (Tool::kRacecheck). Copies and fills are known by their
/// ranges; kernels by their pointer arguments: a pointer to const reads from there to the end of its allocation, any
/// other pointer, and any inside a struct, writes there.
///
/// Not modelled: races between branches of one captured graph, peer access, managed memory, stream priorities.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace emu {

/// When queued work runs.
enum class Schedule : std::uint8_t {
  kEager,   ///< at once
  kLazy,    ///< only when the host waits for it
  kRandom,  ///< some of it after each call, streams in random order
};

/// Defaults come from the environment: EMU_DEVICES=n, EMU_MEMORY=bytes, EMU_DRIVER=version,
/// EMU_SCHEDULE=eager|lazy|random, EMU_SEED=n, EMU_FAIL_CALL=n, EMU_COMPUTE=0|1.
struct RuntimeOptions {
  int devices = 1;
  std::size_t memory_bytes = std::size_t{8} << 30;  ///< of each device
  int driver_version = 13000;                       ///< 0: no driver; below the runtime's major version: too old
  Schedule schedule = Schedule::kLazy;
  std::uint64_t seed = 1;
  /// The call with this number since the last reset_runtime() or set of this option (1: the next) fails; 0: none.
  std::int64_t fail_call = 0;
  /// Only calls that could fail for want of memory count for fail_call, and fail with cudaErrorMemoryAllocation.
  /// Otherwise every call counts, and fails with cudaErrorUnknown.
  bool fail_allocations_only = false;
  bool find_races = true;
  /// False: kernels and library routines are checked, queued and counted, but leave memory as it is. For programs that
  /// count what is launched and look at no result.
  bool compute = true;
};
RuntimeOptions& runtime_options();

/// What lives in the emulated devices and on the host.
struct RuntimeStats {
  std::size_t device_bytes = 0, pinned_bytes = 0;
  int allocations = 0, pinned_allocations = 0, streams = 0, events = 0, graphs = 0;
  std::int64_t calls = 0;     ///< API calls, launches included
  std::int64_t launches = 0;  ///< kernels run
  std::int64_t waits = 0;     ///< calls that waited for the device
};
RuntimeStats runtime_stats();

/// Starts a new count for RuntimeOptions::fail_call.
void fail_call(std::int64_t countdown, bool allocations_only = false);
/// The API call that failed as asked for; empty while none has.
std::string failed_call();

/// As if the process had been started anew: forgets sticky errors, last errors and pending work. Memory, streams and
/// events stay valid.
void reset_runtime();

/// What a library on top (cuDNN, cuBLAS) does with device memory.
struct MemoryUse {
  const void* begin;
  std::size_t bytes;
  bool write;
};

/// Queues a library routine's work on a stream (cudaStream_t): `run` works on device memory when the stream gets there.
/// Returns a cudaError_t.
int queue_library_work(void* stream, const std::string& name, std::vector<MemoryUse> uses, std::function<void()> run);

/// Bytes from p to the end of its live device allocation; 0 when p is not device memory.
std::size_t bytes_from(const void* p);

}  // namespace emu
