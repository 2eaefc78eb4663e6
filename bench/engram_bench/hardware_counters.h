#pragma once
/// What the processor counts of the process while it works: instructions and cycles in user mode.

#include <cstdint>
#include <string>

#include "bench/engram_bench/results.h"

namespace engram::bench {

/// One event of Linux (perf_event_open(2)), counted of the calling thread and of all threads that it starts from then
/// on. Where the kernel shared the processor's counter out among several, the count is scaled to the whole time.
class EventCounter {
 public:
  /// `type` and `config` as in perf_event_attr.
  EventCounter(std::uint32_t type, std::uint64_t config);
  ~EventCounter();
  EventCounter(const EventCounter&) = delete;
  EventCounter& operator=(const EventCounter&) = delete;

  /// Why nothing is counted; empty where it is.
  const std::string& reason() const { return reason_; }
  /// The count up to now; 0 where nothing is counted.
  double count() const;

 private:
  int descriptor_;
  std::string reason_;
};

/// The two events that a row shows. To be made before the threads that work.
class HardwareCounters {
 public:
  HardwareCounters();
  /// Why there are none ("perf_event_open: Permission denied"); empty where there are.
  const std::string& reason() const;
  /// Of everything up to now.
  HardwareCounts counts() const;

 private:
  EventCounter instructions_, cycles_;
};

}  // namespace engram::bench
