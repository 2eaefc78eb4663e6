#pragma once
/// Times calls of kernel cases on one device.

#include <functional>
#include <memory>
#include <string>

#include "bench/engram_bench/cases.h"
#include "bench/engram_bench/surroundings.h"

namespace engram::bench {

/// A device with its clock: the processor's, or events of a plug-in's device.
class CaseClock {
 public:
  virtual ~CaseClock() = default;
  /// Where the cases run.
  virtual const CaseDevice& device() const = 0;
  /// "cpu", or the name of the GPU.
  virtual std::string device_name() const = 0;
  /// Seconds that `calls` calls took.
  virtual double seconds(const std::function<void()>& call, int calls) = 0;
  /// A call that copies on the device, `bytes` read and written together.
  virtual std::function<void()> copy(DeviceArrays& arrays, std::int64_t bytes) = 0;
};

/// The clock of "cpu", "cuda" or "emu". The CPU's counts its timed stretches in `watch`. Throws DeviceError for a
/// device that is not there.
std::unique_ptr<CaseClock> case_clock(const std::string& device, QuietWatch& watch);

/// A call of a case or a copy, with as many calls a sample as make it last.
struct TimedCall {
  std::function<void()> call;
  int calls = 1;
};

/// Warms a call up and finds how many fill `sample_seconds`.
TimedCall timed_call(CaseClock& clock, std::function<void()> call, double sample_seconds);

}  // namespace engram::bench
