#pragma once
/// Per-operation calls, time and declared cost.

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "kernels/common/cost.h"

namespace engram {

/// Sums over all calls of one operation since the last reset.
struct OpRecord {
  std::string name;
  std::int64_t calls = 0;
  double seconds = 0;
  Cost cost;
};

/// Collects while enabled; off by default, and then an OpScope costs two branches. Each thread has a session of its
/// own: what it enables, resets and reads concerns the operations that it calls itself. So runs beside each other, a
/// thread each, are told apart.
namespace profiler {

void enable(bool on);
bool enabled();
void reset();
/// One record an operation of the calling thread, longest time first.
std::vector<OpRecord> records();
/// Rates that this machine can reach, measured (engine/roofline.h).
struct Roofline {
  double bytes_per_s;
  double flops_per_s;
};
/// A text table: calls, time, bytes, flops, percent of the roofline.
std::string table(const Roofline& roofline);

/// Called at the begin and the end of every OpScope of any thread, whether or not the profiler collects: named ranges
/// for the tools of a device. Null functions switch it off.
void set_range_functions(void (*push)(const char*) noexcept, void (*pop)() noexcept);
/// Called before an OpScope takes its end time while the profiler collects, so that times of a device that works beside
/// the host are those of the work.
void set_wait_function(void (*wait)() noexcept);

}  // namespace profiler

/// Declares one call of a kernel: lives while the kernel runs.
class OpScope {
 public:
  OpScope(const char* name, const Cost& cost);
  ~OpScope();
  OpScope(const OpScope&) = delete;

 private:
  const char* name_ = nullptr;
  void (*pop_)() noexcept = nullptr;  ///< ends the range that this scope began
  Cost cost_;
  std::chrono::steady_clock::time_point start_;
};

}  // namespace engram
