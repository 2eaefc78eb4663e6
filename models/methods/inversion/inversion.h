#pragma once
/// Data-free image synthesis from a trained classifier: one batch of images, optimised step by step.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "models/data/dataset.h"
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

  /// Whether the images to keep are in [0,1], not in the classifier's input space.
  virtual bool in_unit_range() const { return false; }
  /// Whether a batch leaves something behind for later ones (a memory, a generator that learns), so that they follow
  /// each other in one object. Other batches are independent.
  virtual bool carries() const { return false; }
  /// The total loss of the last issue() as a scalar on the device, for a task that runs an inversion within its steps;
  /// undefined where a method does not give it.
  virtual Tensor last_loss() const { return {}; }
  /// visit_state with "<name>." before each part.
  void visit_state_as(const std::string& name, StateVisitor& visitor);
  /// Begins batch number `index` in this object, the batch before it finished. Throws UsageError where a method does
  /// not have it.
  virtual void next_batch(dim_t index);
};

/// Which method, and its settings.
struct InversionOptions {
  /// "natural-inversion", "deep-inversion", or what inversion_registry() knows, with settings.
  std::string method = "natural-inversion";
  dim_t batch_size = 256;
  InversionWeights weights;
  float lr_generator = 1e-3f, lr_pyramid = 5e-4f, lr_alpha = 5e-2f;  ///< NaturalInversion
  float lr_pixels = 5e-2f;                                           ///< DeepInversion
  int max_shift = 2;  ///< moves shift by up to this many pixels in each direction
  /// NaturalInversion: the paper's figure scales the sum of image and pyramid at once; the released code first
  /// passes it through a 1x1 convolution and tanh, which is the default (docs/methods/natural_inversion.md, "Where
  /// description and released code differ").
  bool plain_addition = false;
  // Ablations of NaturalInversion (docs/methods/natural_inversion.md, "Ablations").
  bool pyramid = true;          ///< off: the image alone passes the last 1x1 convolution
  bool channel_scaling = true;  ///< off: all scales are 1 and stay so
  bool one_generator = false;   ///< generator and pyramid go on learning from batch to batch

  // For the methods of the registry.
  Network* student = nullptr;        ///< outlives the inversion; null for none
  Normalization normalization = {};  ///< the classifier's constants
  dim_t iterations = 0;              ///< of a batch
};

/// All names.
std::vector<std::string> inversion_methods();
/// The same with commas.
std::string inversion_names();

/// Throws UsageError, with the nearest name, unless start_inversion knows the method.
void check_inversion_method(const std::string& method);
/// Whether the batches of a method learn from those before. Throws UsageError for an unknown method.
bool carries_batches(const std::string& method);

/// Iterations of a batch as the method's authors had them. Throws UsageError for an unknown method.
dim_t published_iterations(const std::string& method, int num_classes);

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
