#pragma once
/// What is drawn for the images of a batch, in tensors that stay: the part that all stagers of batches share.

#include <vector>

#include "models/data/augment.h"
#include "models/data/device_dataset.h"

namespace engram {

namespace kernels {
struct ImageSource;
}

/// An image of a set in one of its epochs: what its random changes are a function of.
struct SamplePlace {
  dim_t epoch = 0;
  dim_t index = 0;
};

/// `stage` draws on the host and queues a copy of some hundred bytes into tensors that stay; `gather` queues the kernel
/// that reads them, and can be captured. Where changes_bytes, `stage` makes the images on the host and copies them.
class StagedDraws {
 public:
  /// Room for batches of up to `most` images. `data` outlives this object. Throws UsageError as check_augmentation.
  StagedDraws(const DeviceDataset& data, const AugmentOptions& augment, std::uint64_t seed, dim_t most);

  /// Draws what becomes of these images. At most as many as there is room for.
  void stage(const std::vector<SamplePlace>& samples);

  /// The staged images, f32 [B,C,H,W], and their labels, i32 [1,B] or [2,B] as DeviceDataset::stored. Queued only.
  ImageBatch gather() const;

 private:
  /// Makes the images that the moves name, which then are those of the batch in its order.
  void stage_bytes(const std::vector<SamplePlace>& samples, std::vector<kernels::ImageSource>& moves);

  const DeviceDataset& data_;
  const AugmentOptions augment_;
  const std::uint64_t seed_;
  dim_t count_ = 0;
  Tensor sources_, holes_, styles_;
  // Where changes_bytes: the set on the host, and the batch on the device.
  Tensor host_images_, bytes_, labels_;
  std::vector<std::int32_t> host_labels_;
};

}  // namespace engram
