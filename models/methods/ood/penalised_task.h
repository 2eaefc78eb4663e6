#pragma once
/// What methods share whose loss is a risk and a penalty.

#include "models/methods/ood/ood_task.h"
#include "models/methods/ood/penalty_schedule.h"

namespace engram {

/// How the penalty counts.
struct PenaltyOptions {
  PenaltySchedule weight;
  bool divide = false;  ///< divide the whole loss by the weight where that is above 1
  bool reset = true;    ///< forget the optimiser's state at the step at which the weight jumps
};

/// Goes down risk + weight * penalty. Meters: "train/risk" and "train/penalty" beside those of OodTask.
class PenalisedTask : public OodTask {
 public:
  int phase(dim_t step) const override { return options_.weight.phase(step); }

 protected:
  /// Throws UsageError, naming the method, for weights below 0 and a negative step.
  PenalisedTask(const char* method, const PenaltyOptions& options, const OodSetup& setup);

  void stage_method(dim_t step) override;
  /// The step of the optimiser, and the meters.
  void descend_penalised(const Tensor& risk, const Tensor& penalty, const std::vector<Tensor>& logits,
                         const EnvironmentBatch& batch);

 private:
  PenaltyOptions options_;
  double now_ = 1;
};

}  // namespace engram
