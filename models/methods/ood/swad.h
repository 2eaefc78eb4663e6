#pragma once
/// SWAD: stochastic weight averaging over the valley of the validation loss (Cha et al. 2021, "SWAD: Domain
/// generalization by seeking flat minima").

#include "models/methods/ood/running_average.h"
#include "models/methods/ood/weight_average.h"

namespace engram {

/// The mean of the segments of a valley. A segment is the mean over the steps between two validations. The valley
/// begins at a segment whose loss is the lowest of `converge` in a row, the threshold is set by those, and it ends
/// where `tolerance` losses in a row are above it. Which segments enter, and how often: docs/methods/ood.md. Without a
/// valley the last segment is the average. Keeps max(converge, tolerance) + 3 copies of the tensors.
class Swad : public WeightAverage {
 public:
  Swad(std::vector<Tensor> tensors, const WeightAverageOptions& options);

  void update(dim_t step) override;
  void validated(dim_t step, double loss, double accuracy) override;
  bool is_final() const override { return valley_[kDead] != 0; }
  /// As if training ended now.
  std::vector<Tensor> values() override;
  void visit_state(const std::string& name, StateVisitor& visitor) override;

  /// How often the mean of each segment so far enters values().
  std::vector<std::int64_t> counts() const;
  /// The segment that began the valley; -1 before.
  std::int64_t converged_at() const { return valley_[kBegin]; }
  double threshold() const { return threshold_[0]; }

 private:
  enum { kBegin, kNext, kDead };  // the first segment of the valley, the next to be taken in, whether it has ended

  std::int64_t segments() const { return std::int64_t(losses_.size()); }
  /// The first of the last `length` segments.
  std::int64_t window_begin(int length) const;
  double lowest_loss(std::int64_t from) const;
  void begin_valley();
  void begin_as_released();
  void go_on();
  void take(std::int64_t segment);
  /// What the end of training would take in.
  std::vector<std::int64_t> closing() const;
  const std::vector<Tensor>& stored(std::int64_t segment) const { return ring_[std::size_t(segment) % ring_.size()]; }

  WeightAverageOptions options_;
  std::vector<Tensor> tensors_;
  RunningAverage segment_, average_, result_;
  std::vector<std::vector<Tensor>> ring_;  // the means of the last segments
  std::vector<double> losses_;
  std::vector<std::int64_t> entered_;  // how often each segment is in average_
  std::vector<std::int64_t> valley_ = {-1, 0, 0};
  std::vector<double> threshold_ = {0};
};

}  // namespace engram
