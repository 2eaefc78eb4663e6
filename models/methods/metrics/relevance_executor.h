#pragma once
/// A pass whose gradients are relevances. Internal to relevance_maps.

#include "models/data/dataset.h"
#include "models/nets/executor.h"

namespace engram {

/// Runs a network's layers so that automatic differentiation computes R / a, the relevance of each value over the
/// value, in place of gradients. Rectifiers, poolings, concatenations and slices have that as their derivative already;
/// a convolution is replaced by the one with positive weights, times the constant that gives it the value of the
/// original. The pixels enter by three leaves (the image, and its bounds), whose gradients times the leaves add up to
/// the relevance of the box rule.
class RelevanceExecutor : public Executor {
 public:
  /// For images that `images` holds, normalised by `normalization`. They are to be handed to the network as they are.
  RelevanceExecutor(const Tensor& images, const Normalization& normalization);

  Tensor conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, Activation activation,
                 const Tensor& residual) override;
  Tensor bn(const BatchNorm2d& bn, const Tensor& x, Activation activation) override;
  Tensor conv(const Conv2d& conv, const Tensor& x, const Tensor& residual) override;

  /// What gradients are to be asked for.
  std::vector<Tensor> leaves() const { return {image_, low_, high_}; }
  /// The pixels' relevance [n,c,h,w] from the gradients of leaves(); undefined ones count as 0.
  Tensor relevance(const std::vector<Tensor>& gradients) const;
  /// Whether a convolution has seen the pixels.
  bool entered() const { return entered_; }

 private:
  Tensor convolved(const Tensor& weight, const Tensor& bias, const Conv2dOptions& options, const Tensor& x,
                   Activation activation, const Tensor& residual);
  static Tensor positive_contributions(const Tensor& weight, const Conv2dOptions& options, const Tensor& x);
  Tensor entering(const Tensor& weight, const Tensor& value, const Conv2dOptions& options);

  Tensor input_;               // the caller's handle, by which the pixels are recognised
  Tensor image_, low_, high_;  // leaves
  FoldedWeights folded_;
  bool entered_ = false;
};

}  // namespace engram
