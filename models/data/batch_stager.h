#pragma once
/// Batches of a set on its device: the host draws which images and how, one kernel makes network input of them.

#include "models/data/batch_plan.h"
#include "models/data/staged_draws.h"

namespace engram {

/// Network input and what belongs to it.
struct LabelledBatch {
  Tensor images;  ///< f32 [B,C,H,W], normalised
  Tensor labels;  ///< i32 [B]
};

/// Makes the batches of a plan, in two halves: `stage` draws on the host and queues a copy of some hundred bytes into
/// tensors that stay, `gather` queues the kernel that reads them. So `gather` can be captured, and `stage` belongs
/// before each time it is repeated. Batches are a function of set, plan and position; their bits are the same on every
/// device and at every thread count as long as nothing is resampled or recoloured.
class BatchStager {
 public:
  /// `data` must outlive the stager. Throws UsageError for a plan that does not fit the set.
  BatchStager(const DeviceDataset& data, const BatchPlan& plan);

  dim_t batches_per_epoch() const { return batches_per_epoch_; }
  /// Where step number `step` of a walk from the beginning is.
  BatchPosition position(dim_t step) const { return {step / batches_per_epoch_, step % batches_per_epoch_}; }

  /// Draws the batch at this position. Throws UsageError for a position that does not exist.
  void stage(BatchPosition position);
  void stage(dim_t step) { stage(position(step)); }

  /// The staged batch. On a device it is queued only.
  LabelledBatch gather() const;

  /// Images in the staged batch: the batch size, less in an incomplete last one.
  dim_t count() const { return dim_t(samples_.size()); }
  /// Their indices into the set.
  const std::vector<dim_t>& samples() const { return samples_; }

 private:
  void make_order(dim_t epoch);

  const DeviceDataset& data_;
  const BatchPlan plan_;
  const dim_t batches_per_epoch_;
  std::vector<dim_t> order_, samples_;
  dim_t order_epoch_ = -1;
  StagedDraws draws_;
};

}  // namespace engram
