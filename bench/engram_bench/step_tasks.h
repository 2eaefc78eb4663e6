#pragma once
/// Steps that `engram-bench step` runs: the product's own, and a small one of every training task.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/device.h"

namespace engram::bench {

/// What the product's steps are made with.
struct StepSettings {
  std::string arch;  ///< empty: the task's usual network
  std::int64_t batch = 32;
  Device device;
  bool graph = true;  ///< on a device, repeat one captured graph
};

/// Names: "train", "inversion", and those of the registered tasks.
std::vector<std::string> step_names();

/// Makes the task and returns its step, which queues work on a device. Throws UsageError for an unknown name, with the
/// nearest.
std::function<void()> make_step(const std::string& name, const StepSettings& settings);

}  // namespace engram::bench
