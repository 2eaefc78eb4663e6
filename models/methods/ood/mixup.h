#pragma once
/// Mixup between environments (Yan et al. 2020; Xu et al. 2020, by way of DomainBed).

#include "models/methods/ood/ood_task.h"

namespace engram {

/// Every environment is mixed with the next of a random order, images and labels, with one share a pair drawn from
/// Beta(a, a). Where environments have batches of different sizes all are cut to the smallest. Meter: train/loss.
class InterDomainMixup : public OodTask {
 public:
  InterDomainMixup(double a, const OodSetup& setup);

  /// The order of the environments and each pair's share of the first, in place of the drawn ones, for the step that
  /// was staged.
  void set_pairs(const std::vector<std::int32_t>& order, const std::vector<double>& shares);

 protected:
  void stage_method(dim_t step) override;
  void update(const EnvironmentBatch& batch) override;

 private:
  double a_;
  Tensor shares_;  // [pairs, environments]
};

}  // namespace engram
