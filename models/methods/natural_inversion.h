#pragma once
/// NaturalInversion (AAAI 2022): per batch, the weights of a generator, a feature pyramid and one scale for each image
/// and channel are optimised, not pixels. The pipeline is that of the released code (method description, sections 1.1
/// to 1.9).

#include <memory>

#include "engine/captured_work.h"
#include "engine/random.h"
#include "models/methods/inversion.h"
#include "models/nets/feature_pyramid.h"
#include "models/nets/generator.h"
#include "models/training/optimizer.h"

namespace engram {

/// One batch. The members that a trajectory is made of are open, so that a given one can be replayed: set the modules'
/// tensors, latents and scales, then call `step(first, second)`.
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

  /// What one pass through the modules gives; x0 to x3 as in section 1.2.
  struct Pass {
    Tensor x0, addition, x3;
    InversionLoss loss;
  };
  Pass forward(const ImageMove& first, const ImageMove& second);
  /// Section 1.2, steps 1 to 10: loss, best-so-far snapshot, gradients, three Adam updates.
  InversionTerms step(const ImageMove& first, const ImageMove& second);

  InversionTerms step() override;
  void advance() override;
  Tensor current_images() override;
  /// The images of the weights with the lowest recorded loss (section 1.8), recomputed without moves.
  Tensor result() override;
  const std::vector<std::int32_t>& labels() const override { return labels_; }
  /// Lowest total loss recorded, 1e6 before the first.
  double best_loss() const;
  /// Kernels, copies and fills of the captured iteration; 0 while it is not captured.
  std::size_t num_graph_nodes() const { return captured_ ? captured_->num_nodes() : 0; }

 private:
  ImageMove draw_move();
  /// x2, scaled but not moved (or with the second move): the images.
  Tensor scaled(const Tensor& x1, const Tensor& jitter, Tensor* addition);
  Pass forward(const Tensor& first_jitter, const Tensor& second_jitter);
  std::vector<Tensor> all_parameters() const;
  void keep_if_best(double loss);
  void update(const Tensor& loss);
  /// One iteration without a wait: the moves lie in device memory, and the device keeps the best parameters.
  void iterate_on_device(const ImageMove& first, const ImageMove& second);

  Network& classifier_;
  InversionOptions options_;
  Generator moves_;
  std::vector<std::int32_t> labels_;
  Tensor label_tensor_;
  ImageGenerator generator_;
  FeaturePyramid pyramid_;
  Tensor latents_, alpha_;
  std::vector<Optimizer> optimizers_;  // generator, pyramid, scales
  double best_loss_ = 1e6;
  std::vector<Tensor> best_;  // copies of all_parameters()

  // Of devices other than the CPU.
  Tensor jitters_[2], device_best_loss_;
  InversionLoss last_loss_;  // scalars only
  std::unique_ptr<CapturedWork> captured_;
};

}  // namespace engram
