#pragma once
/// One small task of each kind of method, for what all of them must hold: captured steps have the bits of issued ones,
/// and a run that was killed goes on with the bits of one that was not.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/training/task.h"

namespace engram::testing {

/// A task with whatever it refers to.
struct OwnedTask {
  std::shared_ptr<void> parts;
  std::unique_ptr<TrainingTask> task;
};

struct TaskKind {
  std::string name;
  std::function<OwnedTask(const Device&)> make;
  dim_t steps = 12;      ///< a few of each phase
  bool emulated = true;  ///< small enough for the emulated device
};

/// Every kind. A method joins by a line in the source.
const std::vector<TaskKind>& task_kinds();

/// The kind of that name.
const TaskKind& task_kind(const std::string& name);

}  // namespace engram::testing
