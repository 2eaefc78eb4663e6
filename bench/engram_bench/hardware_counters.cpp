#include "bench/engram_bench/hardware_counters.h"

#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace engram::bench {

EventCounter::EventCounter(std::uint32_t type, std::uint64_t config) {
  perf_event_attr event{};
  event.size = sizeof event;
  event.type = type;
  event.config = config;
  event.read_format = PERF_FORMAT_TOTAL_TIME_ENABLED | PERF_FORMAT_TOTAL_TIME_RUNNING;
  event.inherit = 1;
  event.exclude_kernel = 1;  // whatever /proc/sys/kernel/perf_event_paranoid says of it, unless that is 3
  event.exclude_hv = 1;
  constexpr int kThisThread = 0, kAnyProcessor = -1, kNoGroup = -1;
  descriptor_ = int(syscall(SYS_perf_event_open, &event, kThisThread, kAnyProcessor, kNoGroup, PERF_FLAG_FD_CLOEXEC));
  if (descriptor_ < 0) reason_ = std::string("perf_event_open: ") + std::strerror(errno);
}

EventCounter::~EventCounter() {
  if (descriptor_ >= 0) close(descriptor_);
}

double EventCounter::count() const {
  struct {
    std::uint64_t value, enabled, running;
  } now{};
  if (descriptor_ < 0 || read(descriptor_, &now, sizeof now) != sizeof now || now.running == 0) return 0;
  return double(now.value) * double(now.enabled) / double(now.running);
}

HardwareCounters::HardwareCounters()
    : instructions_(PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS),
      cycles_(PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES) {}

const std::string& HardwareCounters::reason() const {
  return instructions_.reason().empty() ? cycles_.reason() : instructions_.reason();
}

HardwareCounts HardwareCounters::counts() const {
  return {instructions_.count(), cycles_.count()};
}

}  // namespace engram::bench
