#pragma once
/// Runs the steps of a task: the only place where work is captured.

#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "engine/captured_work.h"
#include "models/training/task.h"

namespace engram {

/// Issues steps, or captures the work of each phase and repeats it, with the same bits on one device either way. The
/// host does not wait for the device in a step. The CPU, and every device while the profiler is on, issue each step.
class StepRunner {
 public:
  /// `task` outlives the runner. Restore its state before the first step: captured work holds the state by its place.
  explicit StepRunner(TrainingTask& task, bool capture = true);

  /// One step: stage, issue or replay, finish. A value that is not finite is found when meters are read.
  void run(dim_t step);

  /// Kernels, copies and fills of a phase's captured work; 0 while it is not captured.
  std::size_t num_graph_nodes(int phase = 0) const;

 private:
  struct Phase {
    std::unique_ptr<CapturedWork> work;
    std::vector<std::uint64_t> drawn;  // words that the work takes from each of generators_
  };

  void replay(Phase& phase);

  TrainingTask& task_;
  bool capture_;
  std::vector<Generator*> generators_;
  std::map<int, Phase> phases_;
};

}  // namespace engram
