#pragma once
/// Inversions through a generator: what CMI, FAST and NAYER have in common (docs/methods/data_free.md).

#include "models/methods/data_free/noise_source.h"
#include "models/methods/inversion/image_views.h"
#include "models/methods/inversion/inversion.h"
#include "models/nets/latent_generator.h"
#include "models/training/optimizer.h"

namespace engram {

/// What an inversion is made from. The networks outlive it; `student` may be null.
struct InversionSetup {
  Network& classifier;
  Network* student;
  Normalization normalization;  ///< the classifier's constants
  dim_t batch_size = 256;
  dim_t iterations = 0;  ///< of a batch
  std::uint64_t seed = 1;
  dim_t batch_index = 0;  ///< of the batch that it starts with
};

/// A batch from a generator in [0,1], under crops with flips, of which the images with the lowest loss are kept.
/// Batches follow each other in one object and may leave something behind for later ones.
class Synthesis : public Inversion {
 public:
  Device device() const override { return classifier_.device(); }
  Tensor current_images() override;
  /// Those of the lowest loss, in [0,1].
  Tensor result() override { return best_images_.clone(); }
  bool in_unit_range() const override { return true; }
  bool carries() const override { return true; }
  Tensor last_loss() const override { return loss_; }
  const std::vector<std::int32_t>& labels() const override { return labels_; }

  /// The iteration's draws, for the steps of one batch.
  void stage(dim_t step) override;

  /// For replays: the batch's labels; the draws of the next iteration. The noise of later batches is given to noise().
  void set_labels(const std::vector<std::int32_t>& labels);
  void stage_crops(const std::vector<CropDraw>& draws) { crops_.stage(draws); }
  NoiseSource& noise() { return noise_; }

 protected:
  /// Freezes the classifier and sets it to evaluation. Throws DataError where student and classifier do not fit, for
  /// constants that are not one a channel, and for a classifier without batch normalisation.
  Synthesis(const InversionSetup& setup, const std::string& method);

  /// The images of the generator as it is.
  virtual Tensor generate() = 0;

  /// Puts new labels in place and forgets the best images.
  void begin(std::vector<std::int32_t> labels);
  std::vector<std::int32_t> random_labels();
  Tensor normalized(const Tensor& images) const { return (images - mean_) / deviation_; }
  /// CMI's adversarial term for these answers, the student in evaluation mode, where there is one and `on`; else 0.
  Tensor adversarial(const Tensor& x, const Tensor& logits, bool on);
  std::uint64_t seed_for(const std::string& purpose) const;
  void visit_common(StateVisitor& visitor);

  Network& classifier_;
  Network* student_;
  dim_t batch_size_, iterations_, batch_index_;
  dim_t step_ = 0;   // of the batch, that is staged
  Generator draws_;  // crops, labels and what else the host draws
  NoiseSource noise_;
  StagedCrops crops_;
  std::vector<std::int32_t> labels_;
  Tensor label_tensor_;
  Tensor best_images_, best_loss_;
  Tensor loss_;  // of the last issue()

 private:
  std::uint64_t seed_;
  Tensor mean_, deviation_;
};

/// Fills a generator anew, its running statistics aside: weights N(0, 0.02), those of normalisations N(1, 0.02), biases
/// 0, as CMI does before each batch. Queues only.
void reset_generator(LatentGenerator& generator, std::uint64_t seed);

/// Sets what an optimiser keeps to 0, in place: the next step is as its first.
void reset_optimizer(Optimizer& optimizer);

}  // namespace engram
