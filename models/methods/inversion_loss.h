#pragma once
/// The loss that NaturalInversion and DeepInversion share (method description, section 1.3).

#include <vector>

#include "engine/ops/channel_scale.h"
#include "models/nets/network.h"

namespace engram {

/// Coefficients of the loss  CE + bn R_bn + tv R_tv + l2 R_l2.
struct InversionWeights {
  float bn = 10;
  float tv = 6e-3f;
  float l2 = 1.5e-5f;
};

/// A move of all images of a batch: circular shift by dy rows and dx columns, then a horizontal flip.
struct ImageMove {
  int dy = 0, dx = 0;
  bool flip = false;
};

/// The terms as numbers: `total` is the weighted sum, the others are without their coefficients.
struct InversionTerms {
  double total = 0, ce = 0, bn_var = 0, bn_mean = 0, tv = 0, l2 = 0;
};

/// The same as scalars of the graph, with what the classifier said.
struct InversionLoss {
  Tensor total, ce, bn_var, bn_mean, tv, l2;
  Tensor logits;
  std::vector<NamedBnMismatch> layers;

  InversionTerms terms() const;
};

/// The loss of images x [B,C,H,W] with labels [B] (i32) under a frozen classifier in evaluation mode: cross entropy;
/// R_bn, the sum over all batch normalisations of the distances between batch and running statistics; total variation;
/// and the norm of x. Gradients flow to x.
InversionLoss inversion_loss(Network& classifier, const Tensor& x, const Tensor& labels,
                             const InversionWeights& weights);

}  // namespace engram
