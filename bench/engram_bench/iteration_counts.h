#pragma once
/// What one iteration of NaturalInversion asks of a device: launches, and the traffic that its operations declare.

#include <cstdint>
#include <map>
#include <string>

#include "kernels/common/cost.h"

namespace engram::bench {

/// A linear function of the batch: what the parameters cost, and what each image costs.
struct Linear {
  std::int64_t fixed = 0, per_image = 0;

  std::int64_t at(std::int64_t batch) const { return fixed + batch * per_image; }
};

/// One operation's share of an iteration.
struct OperationCounts {
  std::int64_t calls = 0;
  Linear bytes, flops;
};

/// Counts of one iteration, by operation.
struct IterationCounts {
  std::map<std::string, OperationCounts> operations;
  /// Kernels, library calls, copies and fills of the captured iteration: what a graph launch puts on the device.
  std::int64_t graph_nodes = 0;
  /// Of the bytes what the classifier moves: its features without gradients, and the loss with its gradient.
  Linear features_bytes, loss_bytes;

  Linear bytes() const;
};

/// Runs iterations with batches of one and two images on the emulated device; declared costs are linear in the batch,
/// which two points determine. Weights are random: no count depends on values.
IterationCounts count_iteration(const std::string& arch);

}  // namespace engram::bench
