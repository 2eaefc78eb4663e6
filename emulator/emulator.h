#pragma once
/// The emulator as its host sees it: options, reports, device memory. Free of CUDA's names.

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "emulator/launch.h"
#include "emulator/source_location.h"

namespace emu {

/// Order in which the ready threads of a block run, and the blocks of a grid.
enum class Order : std::uint8_t { kForward, kReverse, kRandom };

/// When the data of an asynchronous copy arrive: at the wait, so that a missing wait shows; at the copy itself, so that
/// a source or a target in use shows; anywhere between.
enum class Copies : std::uint8_t { kLate, kEarly, kRandom };

/// How tensor cores add (engine/block_sum.h): as H100 and H200 do, as A100 does, or in double with one rounding, to see
/// which results lean on the rule.
enum class Arithmetic : std::uint8_t { kHopper, kAmpere, kExact };

/// How kernels run. Set between launches only. Defaults come from the environment: EMU_WORKERS=n,
/// EMU_ORDER=forward|reverse|random, EMU_SEED=n, EMU_CHECK=0|1, EMU_COPIES=late|early|random,
/// EMU_MMA=hopper|ampere|exact, EMU_CHECK_TF32=0|1.
struct Options {
  /// Blocks that run in parallel, each on a thread of its own. The checker and the counters use one.
  int workers = 1;
  Order order = Order::kForward;
  /// Of the random order; the same seed gives the same order.
  std::uint64_t seed = 1;
  /// Also report what a GPU may tolerate but CUDA leaves undefined: exit before a barrier, shuffles from absent lanes.
  bool strict = true;
  /// Shared memory of a block after opting in, static and dynamic together (227 KiB: compute capability 9.0).
  std::size_t max_shared_bytes = 232448;
  /// Checker on or off, where it is linked and the kernels are instrumented.
  bool check = true;
  /// Counters (emulator/counters.h) on or off, under the same condition.
  bool count = false;
  Copies copies = Copies::kLate;
  Arithmetic arithmetic = Arithmetic::kHopper;
  /// Also report operands of TF32 products whose low bits are set: code that promises to round them.
  bool check_tf32 = false;
};
Options& options();

/// The compute-sanitizer tool whose finding a report is; kLaunch: errors that a CUDA launch returns itself.
enum class Tool : std::uint8_t { kMemcheck, kInitcheck, kRacecheck, kSynccheck, kLaunch };
/// "memcheck", "initcheck", "racecheck", "synccheck", "launch".
const char* tool_name(Tool tool);

/// One finding, worded like compute-sanitizer's.
struct Report {
  Tool tool;
  std::string what;    ///< first line: "Invalid __global__ read of size 4 bytes"
  std::string kernel;  ///< as launched; empty outside kernels
  std::string place;   ///< "file.cu:12", or module and offset where the line is not known
  std::string text;    ///< all of it, several lines
  int times = 1;       ///< how often the same was found at the same place
};

/// Findings since the last call, in the order of their first occurrence; forgets them. At most 100 are kept.
std::vector<Report> take_reports();
/// Findings waiting in take_reports().
std::size_t num_reports();
/// All findings as text, one paragraph each.
std::string describe(const std::vector<Report>& reports);
/// Adds a finding, for runtimes on top (place: where the program did it). Inside a kernel the thread and block are
/// added.
void add_report(Tool tool, const std::string& what, const std::string& place, const std::vector<std::string>& details);

/// Device memory of exactly `bytes` bytes, 256-byte aligned, filled with 0xFF bytes. Null if there is none. The name
/// appears in reports.
void* allocate(std::size_t bytes, const char* name = nullptr);
/// Gives memory of allocate() back; null does nothing, any other pointer is reported.
void release(void* p);
/// Whether p points into a live allocation.
bool is_device_pointer(const void* p);

/// For allocators that hand out parts of a larger allocation: only parts that are marked allocated may be accessed.
/// Marking makes the contents uninitialised.
void mark_allocated(void* p, std::size_t bytes, const char* name = nullptr);
void mark_released(void* p, std::size_t bytes);

/// memcpy between any two of host and device memory: checks the bounds of device operands, carries along what is
/// initialised. Overlapping operands are not allowed.
void copy(void* to, const void* from, std::size_t bytes);
/// memset of device memory, checked likewise.
void fill(void* to, int value, std::size_t bytes);
/// Announce that host code of the emulated device (a library routine) reads or writes device memory.
void host_read(const void* p, std::size_t bytes);
void host_write(void* p, std::size_t bytes);

}  // namespace emu
