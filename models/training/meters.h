#pragma once
/// Numbers that a step leaves on its device, and their means over an epoch.

#include <cstdint>
#include <string>
#include <vector>

#include "models/training/state_visitor.h"

namespace engram {

/// A meter's name and its value on the host.
struct MeterValue {
  std::string name;
  double value = 0;
};
using MeterValues = std::vector<MeterValue>;

/// What to call a meter, and the factor from the recorded scalar to its value (an accuracy is recorded as a count,
/// which f32 sums exactly, and scaled by 1 / batch size).
struct MeterSpec {
  std::string name;
  double scale = 1;
};

/// Scalars that a step records without waiting for the device, and their running sums. Values reach the host only when
/// they are read.
class Meters {
 public:
  Meters() = default;
  /// All values start at 0.
  Meters(std::vector<MeterSpec> specs, const Device& device);

  /// Queues: the value of each meter is that scalar (f32, one element, in the order of the specs), and its sum grows by
  /// it. To be called once in a task's issue(); can be captured. Throws UsageError for another number of scalars.
  void record(const std::vector<Tensor>& scalars);

  /// The values of the last recorded step. Waits for the device. Throws DataError, naming meter and step, when a value
  /// since the last collect was not finite.
  MeterValues read(dim_t step) const;
  /// The same, and moves what the device has summed up into the totals on the host, in double: sums of f32 stay short.
  /// The means depend, in their last bits, on the steps after which this is called.
  MeterValues collect(dim_t step);
  /// Means since the last restart, as of the last collect; 0 before the first step.
  MeterValues means() const;
  /// Counts a step that was recorded. Host side, for replayed work too.
  void count_step() { ++steps_; }
  /// Begins new means.
  void restart();

  /// Values, sums, totals and their number of steps.
  void visit_state(const std::string& name, StateVisitor& visitor);

 private:
  /// The checked content of board_.
  std::vector<float> fetch(dim_t step) const;
  MeterValues scaled(const std::vector<float>& board) const;

  std::vector<MeterSpec> specs_;
  Tensor board_;               // [2, meters]: last values, sums since the last collect
  Tensor last_, sums_;         // its rows
  std::vector<Tensor> slots_;  // the elements of last_
  std::vector<double> totals_;
  std::int64_t steps_ = 0;
};

}  // namespace engram
