#pragma once
/// Training that belongs to pruning: before it, so that few channels matter; after it, so that the rest makes up for
/// what went (docs/methods/pruning.md, "Sparse training" and "Fine-tuning").

#include <memory>

#include "models/data/batch_stager.h"
#include "models/training/optimizer.h"
#include "models/training/staged.h"
#include "models/training/task.h"

namespace engram {

/// The optimiser's defaults are those of the pruning code's fine-tuning.
struct RecoveryOptions {
  OptimizerOptions optimizer = {.nesterov = false, .weight_decay = 1e-4f};
  ScheduleOptions schedule = {.base_lr = 1e-3};  ///< total_steps is set by the task
  BatchPlan batches = {.batch_size = 64};        ///< always shuffled, the incomplete batch left out
  dim_t epochs = 40;
  float label_weight = 1;    ///< of the cross entropy with the labels
  float distill_weight = 0;  ///< of T^2 times the mean over images and classes of the divergence from the teacher
  float temperature = 2;     ///< T
  float sparsity = 0;        ///< of the sum of |gamma| of all batch normalisations (network slimming)
};

/// Trains `network`. Meters: train/loss, and of its parts train/label_loss, train/distill_loss and train/gain_sum,
/// without their weights. The same options, data, seed and thread count give the same bits.
class RecoveryTask : public ClassifierTask {
 public:
  /// `teacher`, which is asked where the weight of its term is not 0, takes the same images; null: there is none. Both
  /// networks outlive the task. Throws UsageError for options that make no sense, for a weight without a teacher, and
  /// for sparsity without batch normalisations.
  RecoveryTask(Network& network, Network* teacher, const ImageDataset& data, const RecoveryOptions& options);

  dim_t steps_per_epoch() const { return steps_per_epoch_; }
  dim_t total_steps() const { return steps_per_epoch_ * options_.epochs; }
  double learning_rate(dim_t step) const { return rate_->at(step); }

  Device device() const override { return network_.device(); }
  void stage(dim_t step) override;
  void issue() override;
  Network& deployed() override { return network_; }

 protected:
  void visit_parts(StateVisitor& visitor) override;

 private:
  Tensor gain_sum() const;

  Network& network_;
  Network* teacher_;
  RecoveryOptions options_;
  dim_t steps_per_epoch_ = 0;
  std::unique_ptr<DeviceDataset> data_;
  std::unique_ptr<BatchStager> stager_;
  std::vector<Tensor> parameters_, gains_;
  Optimizer optimizer_;
  std::unique_ptr<StagedRate> rate_;
};

}  // namespace engram
