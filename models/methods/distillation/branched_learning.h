#pragma once
/// Branches of one network that teach each other: ONE (Lan et al. 2018) and collaborative learning (Song and Chai
/// 2018); docs/methods/distillation.md, "Peers".

#include "models/methods/distillation/ensemble_gate.h"
#include "models/methods/distillation/student_task.h"
#include "models/nets/heads.h"

namespace engram {

struct BranchedOptions {
  bool gate = true;  ///< ONE: a gated ensemble teaches; else collaborative learning
  int branches = 3;
  int shared = 2;     ///< stages in common; of a tree, before its last split
  bool tree = false;  ///< branches split in two after each of the last stages in common, else all at once
  double tau = 3;
  double hard = 0.5;  ///< collaborative learning: share of the cross entropy
};

/// The student is branch 0, and is left at the end. ONE: the sum of the cross entropies of branches and ensemble, and
/// the ramped divergences of the branches from the ensemble. Collaborative learning: each head by `hard` * cross
/// entropy and the rest towards the softened mean of the others; gradients are divided by the children at each split.
///
/// Meters: train/loss, train/accuracy, train/ce of branch 0; train/ensemble: accuracy of the ensemble (of ONE), of the
/// last head (else).
class BranchedLearningTask : public StudentTask {
 public:
  /// Throws UsageError for options that make no sense, as fewer than two branches.
  BranchedLearningTask(Network& student, const ImageDataset& data, const StudentOptions& options,
                       const BranchedOptions& branched);

  void stage(dim_t step) override;
  void issue() override;
  Network& deployed() override { return student_; }

 protected:
  void visit_parts(StateVisitor& visitor) override;

 private:
  Tensor ensemble_loss(const Tensor& trunk, const std::vector<Tensor>& logits, const Tensor& labels, Tensor& ensemble);
  Tensor collaborative_loss(const std::vector<Tensor>& logits, const Tensor& labels);

  Network& student_;
  BranchedOptions branched_;
  std::unique_ptr<BranchedNetwork> branches_;
  std::unique_ptr<EnsembleGate> gate_;
  std::vector<NamedTensor> parameters_;
  std::unique_ptr<Optimizer> optimizer_;
  Tensor ramp_;  // scalar: the weight of ONE's divergences
};

}  // namespace engram
