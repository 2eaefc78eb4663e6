#pragma once
/// The terms of DecAug (Bai et al. 2021) on a two-branch network's features.

#include "models/nets/two_branch.h"

namespace engram {

/// The ways to read the method; docs/methods/ood.md says which source has which.
struct DecAugReading {
  bool sum = true;             ///< the orthogonal term adds up the batch; else its mean
  bool full = false;           ///< it trains all that g1 and g2 depend on; else the weights of branches and heads
  bool double_softmax = true;  ///< cross entropies of the heads take softmax outputs for logits
  double orth_eps = 1e-8;      ///< added to norms before they divide
};

/// Per sample, for logging and for the term.
struct GradientAngles {
  Tensor cosine;        ///< [N] of g1 and g2
  Tensor norm1, norm2;  ///< [N]
};

/// The gradient [N,D] of a branch's cross entropy (of each sample, not their mean) to z, in closed form. `residual` is
/// softmax_residual of its logits. With `live` it is differentiable in all that it depends on; else in the weights of
/// the branch's two layers alone.
Tensor branch_gradient(const Tensor& residual, const TwoBranchNetwork::Layers& layers, const Tensor& features,
                       BranchActivation activation, bool live);

/// cosine = g1.g2 / ((|g1| + eps) (|g2| + eps)) of rows.
GradientAngles gradient_angles(const Tensor& g1, const Tensor& g2, double eps);

/// sum or mean over the batch of the squared cosine.
Tensor orthogonal_term(const GradientAngles& angles, bool sum);

/// Cross entropy of a head: of its logits, or of their softmax taken for logits.
Tensor head_loss(const Tensor& logits, const Tensor& targets, bool double_softmax);

/// The unit direction [N,width] in which the context's cross entropy grows at each sample's context features: t / (|t|
/// + eps), t = residual V2. A constant.
Tensor context_direction(const Tensor& residual, const Linear& context_head, double eps);

/// Distance [N] of each sample's context features from the nearest place where another context is more likely. No
/// gradient.
Tensor boundary_distance(const Tensor& context_logits, const Linear& context_head);

}  // namespace engram
