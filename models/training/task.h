#pragma once
/// What one step of a method is. Loops, files and programs know methods through this interface only.

#include "engine/device.h"
#include "models/nets/network.h"
#include "models/training/meters.h"
#include "models/training/state_visitor.h"

namespace engram {

/// One method's step. Owns or refers to networks, optimisers, random streams and memory banks; knows no loop and no
/// files. Deterministic: state and step number fix what a step does, whichever steps this object ran before.
class TrainingTask {
 public:
  virtual ~TrainingTask() = default;

  /// Where the step runs.
  virtual Device device() const = 0;

  /// Host side of step number `step`: batch, noise, rates and draws are written into tensors that stay. May queue work,
  /// which is never captured, and must not wait for the device.
  virtual void stage(dim_t step) = 0;
  /// Device side: passes, losses, updates, Meters::record. Queues only, without looking at a value, so that a graph can
  /// repeat it. What changes from step to step lies in staged tensors, and in random streams that visit_state names:
  /// those draw anew when a graph repeats.
  virtual void issue() = 0;
  /// What must follow issue() and changes with the step in a way that no graph can repeat, for example an average whose
  /// decay warms up. Queued each time.
  virtual void finish(dim_t step) { (void)step; }

  /// Which device work a step is. Another number (a penalty that begins, a generator's step between two of the student)
  /// is captured on its own and kept for later steps of that phase. At least 0.
  virtual int phase(dim_t step) const {
    (void)step;
    return 0;
  }

  /// The numbers of the last step.
  Meters& meters() { return meters_; }

  /// Shows everything that later steps depend on beside the configuration: the checkpoint.
  void visit_state(StateVisitor& visitor) {
    meters_.visit_state("meters", visitor);
    visit_parts(visitor);
  }

 protected:
  /// Networks, optimisers, random streams, memory banks, index lists, each under its name.
  virtual void visit_parts(StateVisitor& visitor) = 0;

  Meters meters_;  ///< made by the constructor of the method
};

/// A task that ends in a classifier.
class ClassifierTask : public TrainingTask {
 public:
  /// The network to evaluate and to save.
  virtual Network& deployed() = 0;
};

}  // namespace engram
