#pragma once
/// Snapshot distillation (Yang et al. 2019): a network's last snapshot teaches its next cycle
/// (docs/methods/distillation.md, "Snapshot").

#include "models/methods/distillation/student_task.h"

namespace engram {

struct SnapshotOptions {
  int cycles = 4;
  double tau = 3;
  double teach = 1;  ///< factor of the term; the cross entropy has 1 + 1 / tau beside it
};

/// Equal cycles, in each of which the rate falls by half a cosine from the base rate of the options' schedule to 0. The
/// first is trained by cross entropy; at the end of each one the weights become the teacher's.
///
/// Meters: train/loss, train/accuracy, train/ce.
class SnapshotTask : public StudentTask {
 public:
  /// Throws UsageError unless the epochs are a multiple of the cycles.
  SnapshotTask(Network& student, const ImageDataset& data, const StudentOptions& options,
               const SnapshotOptions& snapshot);

  double learning_rate(dim_t step) const override;
  int phase(dim_t step) const override;
  void stage(dim_t step) override;
  void issue() override;
  /// Takes the snapshot at the end of a cycle.
  void finish(dim_t step) override;
  Network& deployed() override { return student_; }

 protected:
  void visit_parts(StateVisitor& visitor) override;

 private:
  dim_t cycle_steps() const { return total_steps() / snapshot_.cycles; }

  Network& student_;
  SnapshotOptions snapshot_;
  std::unique_ptr<Network> teacher_;
  std::vector<NamedTensor> parameters_;
  Optimizer optimizer_;
  bool taught_ = false;  // the staged step
};

}  // namespace engram
