#pragma once
/// Style-agnostic networks (Nam et al. 2021).

#include "models/methods/ood/ood_task.h"
#include "models/methods/ood/style_shuffle.h"

namespace engram {

/// As DomainBed runs it, on the pooled vector: (1) features and head learn labels from features of random style; (2) a
/// second head learns labels from features of random content; (3) the features are moved so that the second head's
/// answer is even. Each with its own draws and optimiser, three passes a step. Meters: the three losses.
class SagNet : public OodTask {
 public:
  SagNet(double adversary, const OodSetup& setup);

  /// Draws of pass 0, 1 or 2 in place of those that were staged: shares of the own style, and orders.
  void set_draws(int pass, const std::vector<float>& shares, const std::vector<std::int32_t>& order);
  Linear& style_head() { return style_head_; }

 protected:
  void stage_method(dim_t step) override;
  void update(const EnvironmentBatch& batch) override;
  void visit_method(StateVisitor& visitor) override;

 private:
  struct Draws {
    Tensor shares, shuffle;  // [N,1], [N,N]
  };
  struct Part {
    std::vector<NamedTensor> parameters;
    std::optional<Optimizer> optimizer;
  };

  void step_parts(const Tensor& loss, const std::vector<Part*>& parts);

  double adversary_;
  Linear style_head_;
  Part features_, head_, style_;
  Draws draws_[3];
};

}  // namespace engram
