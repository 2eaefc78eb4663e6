#pragma once
/// A labelled image set held in memory: what every reader of models/data returns.

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/common/types.h"
#include "models/data/image_shape.h"

namespace engram {

/// Which part of a data set.
enum class Split { kTrain, kTest };

/// "train" or "test".
const char* split_name(Split split);

/// "train" or "test" to a Split. Throws UsageError for any other text.
Split parse_split(const std::string& text);

/// Per-channel constants of the affine map from bytes to network input: (byte / 255 - mean[c]) / std[c].
struct Normalization {
  std::vector<float> mean;
  std::vector<float> std;
};

/// The constants that the CIFAR classifiers of this project are trained with, for CIFAR-10 and CIFAR-100 alike:
/// mean (0.4914, 0.4822, 0.4465), std (0.2023, 0.1994, 0.2010), as the DAFL and NaturalInversion code have them.
Normalization cifar_normalization();

/// Images and labels by value. Image i is the `image_bytes()` bytes at `image(i)`, planar [channels, height, width],
/// values 0..255; its label is `labels[i]`, in [0, num_classes).
struct ImageDataset {
  std::string name;   ///< the kind of set, for example "cifar10"
  std::string split;  ///< "train", "test", or "all" where the source has no split
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
  dim_t count = 0, channels = 0, height = 0, width = 0;
  int num_classes = 0;
  std::vector<std::string> class_names;  ///< one per class
  /// A second label of each image, for example the domain or the context that it comes from, in [0,
  /// context_names.size()); empty where the set has none.
  std::vector<std::int32_t> contexts;
  std::vector<std::string> context_names;
  Normalization normalization;  ///< constants customary for this set; one entry per channel
  std::string note;             ///< what the reader chose and a person should know, in one line; mostly empty

  /// Extents of one image.
  ImageShape shape() const { return {channels, height, width}; }
  /// Bytes of one image: channels * height * width.
  dim_t image_bytes() const { return channels * height * width; }
  /// First byte of image `index`. The caller keeps 0 <= index < count.
  const std::uint8_t* image(dim_t index) const { return pixels.data() + index * image_bytes(); }
};

/// Checks what the rest of the code takes for granted: sizes of the buffers, labels and second labels in range, one
/// name per class, one positive deviation per channel. Throws DataError that names `source`.
void check_dataset(const ImageDataset& data, const std::string& source);

/// Number of images of each class, in label order.
std::vector<dim_t> class_counts(const ImageDataset& data);

/// The images at `indices`, in that order, with everything else kept. Throws UsageError for an index out of range.
ImageDataset select(const ImageDataset& data, const std::vector<dim_t>& indices);

/// The images of several sets as one, whose second label is the set that an image comes from, named `context_names`.
/// Throws DataError that names two of them unless all have the same classes and images of one size; UsageError unless
/// there is a name for each and at least one set.
ImageDataset join_sources(const std::vector<ImageDataset>& sources, const std::vector<std::string>& context_names);

}  // namespace engram
