#pragma once
/// A labelled image set on a device, as bytes: what batches are gathered from.

#include "engine/ops/image_batch.h"
#include "models/data/dataset.h"

namespace engram {

/// Images, labels and constants of a set in the memory of a device. Images stay bytes (CIFAR-10: 150 MB); they become
/// network input batch by batch. Immutable, so several walks may share one.
class DeviceDataset {
 public:
  /// Copies the set to the device; `data` may go afterwards. `normalization` stands in for the set's own where it is
  /// not empty. Throws DataError as check_dataset, or for more than 4 channels.
  DeviceDataset(const ImageDataset& data, const Device& device, const Normalization& normalization = {});

  Device device() const { return stored_.images.device(); }
  dim_t count() const { return stored_.images.dim(0); }
  dim_t channels() const { return stored_.images.dim(1); }
  dim_t height() const { return stored_.images.dim(2); }
  dim_t width() const { return stored_.images.dim(3); }
  int num_classes() const { return num_classes_; }
  /// Number of second labels; 0 where images have none.
  int num_contexts() const { return num_contexts_; }
  const std::string& name() const { return name_; }
  /// Labels on the host, [count].
  const std::vector<std::int32_t>& labels() const { return labels_; }

  /// u8 [N,C,H,W], and i32 [1,N]: the labels; [2,N] where the set has second labels, which are the second row.
  const StoredImages& stored() const { return stored_; }
  /// f32 [C,256]: the normalised value of each byte, computed in double and rounded once, so that it depends on neither
  /// device nor instruction set.
  const Tensor& values() const { return values_; }
  const Tensor& mean() const { return mean_; }            ///< f32 [C]
  const Tensor& deviation() const { return deviation_; }  ///< f32 [C]

 private:
  StoredImages stored_;
  Tensor values_, mean_, deviation_;
  std::vector<std::int32_t> labels_;
  std::string name_;
  int num_classes_ = 0, num_contexts_ = 0;
};

}  // namespace engram
