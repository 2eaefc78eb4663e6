#pragma once
/// Where a run takes place: the machine, the build, the processors that its threads have.

#include <time.h>

#include <string>

#include "bench/engram_bench/results.h"

namespace engram::bench {

/// The machine; `device` is the name of what the cases run on.
Machine this_machine(const std::string& device);

/// This program's build.
Build this_build();

/// "2026-01-31T12:00:00Z"
std::string utc_now();

/// Keeps each thread of the calling thread's OpenMP team on a processor of its own, in the order of those that the
/// process may use, as long as there are enough. Returns whether there were.
bool pin_threads();

/// Seconds of a clock of POSIX.
double clock_seconds(clockid_t clock);

/// Times of the process and the machine, from which a stretch of work tells how quiet it was.
class QuietWatch {
 public:
  QuietWatch();
  /// Begins and ends a timed stretch on this thread; stretches add up.
  void begin();
  void end();
  /// Of all stretches, the share that this thread did not run; of everything since construction, the processors that
  /// other programs used (0 where the system does not say).
  double lost_share() const;
  double others_share() const;

 private:
  double wall_ = 0, cpu_ = 0, begin_wall_ = 0, begin_cpu_ = 0;
  double start_busy_ = 0, start_total_ = 0, start_own_ = 0;
};

}  // namespace engram::bench
