#pragma once
/// Supervised training of a classifier.

#include <memory>

#include "models/data/batch_stager.h"
#include "models/training/optimizer.h"
#include "models/training/staged.h"
#include "models/training/task.h"

namespace engram {

struct SupervisedOptions {
  OptimizerOptions optimizer;
  ScheduleOptions schedule;  ///< total_steps is set by the task
  BatchPlan batches;         ///< batch size, augmentation, seed; always shuffled, the incomplete batch left out
  dim_t epochs = 1;
  float label_smoothing = 0;
  float clip_norm = 0;  ///< clip the gradients' common Euclidean norm to this; 0 is off
  /// Decay of the running average of the weights a step, reached by way of (1+t)/(10+t); 0 is off.
  double ema_decay = 0;
};

/// Trains `network`, which outlives the task, on `data`, which is copied to the network's device. Meters: train/loss
/// and train/accuracy on the augmented batch, before the update. The same options, data, seed and thread count give the
/// same bits.
class SupervisedTask : public ClassifierTask {
 public:
  /// Throws UsageError for options that make no sense.
  SupervisedTask(Network& network, const ImageDataset& data, const SupervisedOptions& options);

  dim_t steps_per_epoch() const { return steps_per_epoch_; }
  dim_t total_steps() const { return steps_per_epoch_ * options_.epochs; }
  double learning_rate(dim_t step) const { return rate_->at(step); }

  Device device() const override { return network_.device(); }
  void stage(dim_t step) override;
  void issue() override;
  /// Averages the weights.
  void finish(dim_t step) override;
  /// The network with averaged weights and statistics if there is one, else the trained one.
  Network& deployed() override { return average_ ? *average_ : network_; }

 protected:
  void visit_parts(StateVisitor& visitor) override;

 private:
  Network& network_;
  SupervisedOptions options_;
  dim_t steps_per_epoch_ = 0;
  std::unique_ptr<DeviceDataset> data_;
  std::unique_ptr<BatchStager> stager_;
  std::vector<Tensor> parameters_;
  Optimizer optimizer_;
  std::unique_ptr<Network> average_;
  std::unique_ptr<StagedRate> rate_;
};

}  // namespace engram
