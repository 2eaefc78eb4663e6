#pragma once
/// Data-free image synthesis from a trained classifier: one batch of images, optimised step by step.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/methods/inversion/inversion_loss.h"
#include "models/training/task.h"

namespace engram {

/// A batch under optimisation. The classifier is frozen and outlives it. Its meters are those of inversion_meters():
/// the terms before a step's update.
class Inversion : public TrainingTask {
 public:
  /// The images as they are now, without moves [B,C,H,W], in the classifier's input space.
  virtual Tensor current_images() = 0;
  /// The images to keep.
  virtual Tensor result() = 0;
  virtual const std::vector<std::int32_t>& labels() const = 0;
};

/// Which method, and its settings.
struct InversionOptions {
  std::string method = "natural-inversion";  ///< or "deep-inversion"
  dim_t batch_size = 256;
  InversionWeights weights;
  float lr_generator = 1e-3f, lr_pyramid = 5e-4f, lr_alpha = 5e-2f;  ///< NaturalInversion
  float lr_pixels = 5e-2f;                                           ///< DeepInversion
  int max_shift = 2;  ///< moves shift by up to this many pixels in each direction
  /// NaturalInversion: the paper's figure scales the sum of image and pyramid at once; the released code first
  /// passes it through a 1x1 convolution and tanh, which is the default (docs/methods/natural_inversion.md, "Where
  /// description and released code differ").
  bool plain_addition = false;
};

/// "natural-inversion" and "deep-inversion".
const std::vector<std::string>& inversion_methods();

/// The settings that the methods' authors used for CIFAR with this many classes: loss weights
/// (docs/methods/natural_inversion.md, "Loss"). Throws UsageError for an unknown method.
InversionWeights published_weights(const std::string& method, int num_classes);

/// Labels of a batch: whole rounds of all classes in order, then distinct classes drawn at random
/// (docs/methods/natural_inversion.md, "Labels and noise").
std::vector<std::int32_t> balanced_labels(dim_t batch_size, int num_classes, std::uint64_t seed);

/// Starts batch number `batch_index`. Everything random depends on (seed, batch_index) only, so batches differ and can
/// be made in any order. Freezes the classifier's parameters and sets evaluation mode. Throws UsageError for settings
/// that make no sense.
std::unique_ptr<Inversion> start_inversion(Network& classifier, const InversionOptions& options, std::uint64_t seed,
                                           dim_t batch_index);

}  // namespace engram
