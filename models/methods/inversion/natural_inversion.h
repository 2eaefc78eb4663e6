#pragma once
/// NaturalInversion (AAAI 2022): per batch, the weights of a generator, a feature pyramid and one scale for each image
/// and channel are optimised, not pixels. The pipeline is that of the released code
/// (docs/methods/natural_inversion.md).

#include "models/methods/inversion/image_move.h"
#include "models/methods/inversion/inversion.h"
#include "models/nets/feature_pyramid.h"
#include "models/nets/generator.h"
#include "models/training/optimizer.h"

namespace engram {

/// One batch. The members that a trajectory is made of are open, so that a given one can be replayed: set the modules'
/// tensors, latents and scales, then call stage_moves() and issue() for each step.
class NaturalInversion : public Inversion {
 public:
  /// Draws latents, scales and the modules' first weights from (seed, batch_index).
  NaturalInversion(Network& classifier, const InversionOptions& options, std::uint64_t seed, dim_t batch_index);

  ImageGenerator& generator() { return generator_; }
  FeaturePyramid& pyramid() { return pyramid_; }
  /// z [B, 1024 + classes]: normal noise, then the label one-hot. Fixed during the optimisation.
  const Tensor& latents() const { return latents_; }
  /// Channel scales [B,C,1,1]; a leaf with gradients.
  const Tensor& alpha() const { return alpha_; }
  /// Replace what was drawn. Throw ShapeError.
  void set_latents(const Tensor& latents);
  void set_alpha(const Tensor& alpha);
  void set_labels(const std::vector<std::int32_t>& labels);

  Device device() const override { return classifier_.device(); }
  /// Draws the step's moves.
  void stage(dim_t step) override;
  /// The same with given ones.
  void stage_moves(const ImageMove& first, const ImageMove& second);
  /// Section 1.2, steps 1 to 10: loss, best-so-far snapshot, gradients, three Adam updates.
  void issue() override;
  Tensor current_images() override;
  /// The images of the weights with the lowest recorded loss (docs/methods/natural_inversion.md, "The images that are
  /// kept"), recomputed without moves.
  Tensor result() override;
  const std::vector<std::int32_t>& labels() const override { return labels_; }
  /// With one generator for all batches: it and the pyramid stay, with what their optimisers keep.
  bool carries() const override { return options_.one_generator; }
  /// Draws labels, noise and scales of another batch.
  void next_batch(dim_t index) override;
  /// Lowest total loss recorded, 1e6 before the first. Waits for the device.
  double best_loss() const { return double(best_loss_.item()); }

 protected:
  void visit_parts(StateVisitor& visitor) override;

 private:
  void draw_batch(dim_t index);
  ImageMove draw_move();
  /// x2, moved: the images.
  Tensor scaled(const Tensor& x1, const Tensor& jitter);
  std::vector<Tensor> all_parameters() const;

  Network& classifier_;
  InversionOptions options_;
  std::uint64_t seed_;
  Generator moves_;
  std::vector<std::int32_t> labels_;
  Tensor label_tensor_;
  ImageGenerator generator_;
  FeaturePyramid pyramid_;
  Tensor latents_, alpha_;
  StagedMove first_move_, second_move_;
  std::vector<Optimizer> optimizers_;  // generator, pyramid, scales
  Tensor best_loss_;                   // scalar
  std::vector<Tensor> best_;           // copies of all_parameters()
};

}  // namespace engram
