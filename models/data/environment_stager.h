#pragma once
/// Batches of several environments on a device.

#include <memory>

#include "models/data/environment_source.h"
#include "models/data/environments.h"
#include "models/data/staged_draws.h"

namespace engram {

struct EnvironmentPlan {
  dim_t batch_size = 0;         ///< images of each environment a step; 0 takes all of them in each step, in their order
  AugmentOptions augment = {};  ///< default: normalise only
  std::uint64_t seed = 0;       ///< of shuffles and augmentation
};

/// Draws from each environment in a shuffled order of its own, whose incomplete last batch is left out: the orders of
/// environments of unequal size begin anew at different steps. One kernel gathers the images of all. A step's images
/// are a function of environments, plan and step, with the same bits on every device as BatchStager says.
///
/// Where a step takes all images and changes none, they are gathered once and every step hands out the same tensors.
class EnvironmentStager : public EnvironmentSource {
 public:
  /// Copies the images to the device, joined: they must have one size, the same classes and second labels. Throws
  /// UsageError without environments, for batches of one image, for a batch size that is negative or larger than an
  /// environment (naming it), and as check_augmentation; DataError as pool_environments.
  EnvironmentStager(const Environments& environments, const EnvironmentPlan& plan, const Device& device);

  Device device() const override { return data_->device(); }
  dim_t num_environments() const override { return dim_t(sizes_.size()); }
  int num_classes() const override { return data_->num_classes(); }
  int num_contexts() const override { return data_->num_contexts(); }
  /// Steps after which the largest environment has been seen once.
  dim_t steps_per_epoch() const;
  void stage(dim_t step) override;
  EnvironmentBatch gather() const override;

  /// Indices of the staged images into the environments, one list an environment.
  const std::vector<std::vector<dim_t>>& samples() const { return samples_; }

 private:
  dim_t batch_of(std::size_t environment) const;
  const std::vector<dim_t>& order_of(std::size_t environment, dim_t epoch);
  EnvironmentBatch split(const ImageBatch& batch) const;

  EnvironmentPlan plan_;
  std::vector<dim_t> sizes_, begins_;  // of the environments among the joined images
  std::unique_ptr<DeviceDataset> data_;
  std::unique_ptr<StagedDraws> draws_;
  std::vector<std::vector<dim_t>> orders_, samples_;
  std::vector<dim_t> order_epochs_;
  bool fixed_ = false;
  EnvironmentBatch kept_;  // where every step takes the same
};

}  // namespace engram
