#pragma once
/// The loss that NaturalInversion and DeepInversion share (docs/methods/natural_inversion.md, "Loss").

#include <vector>

#include "models/nets/network.h"
#include "models/training/meters.h"

namespace engram {

/// Coefficients of the loss  CE + bn R_bn + tv R_tv + l2 R_l2.
struct InversionWeights {
  float bn = 10;
  float tv = 6e-3f;
  float l2 = 1.5e-5f;
};

/// The terms as scalars of the graph, with what the classifier said. `total` is the weighted sum, the others are
/// without their coefficients.
struct InversionLoss {
  Tensor total, ce, bn_var, bn_mean, tv, l2;
  Tensor logits;
  std::vector<NamedBnMismatch> layers;

  /// The scalars in the order of inversion_meters.
  std::vector<Tensor> recorded() const { return {total, ce, bn_var, bn_mean, tv, l2}; }
};

/// Meters of the terms: loss/total, loss/ce, loss/bn_var, loss/bn_mean, loss/tv, loss/l2.
Meters inversion_meters(const Device& device);

/// The loss of images x [B,C,H,W] with labels [B] (i32) under a frozen classifier in evaluation mode: cross entropy;
/// R_bn, the sum over all batch normalisations of the distances between batch and running statistics; total variation;
/// and the norm of x. Gradients flow to x.
InversionLoss inversion_loss(Network& classifier, const Tensor& x, const Tensor& labels,
                             const InversionWeights& weights);

}  // namespace engram
