#pragma once
/// The terms of DecAug (Bai et al. 2021) on a two-branch network's features.

#include "engine/ops/residual_cosine.h"
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

/// A branch, and its head's logits, targets and residuals.
struct BranchSide {
  TwoBranchNetwork::Layers layers;
  Tensor features;
  ResidualSide rows;
};
/// The angles of the two branches' gradients to z, by the reading. Affine branches need no vectors of z's width a
/// sample; with an activation they are branch_gradient's.
GradientAngles branch_angles(const BranchSide& category, const BranchSide& context, BranchActivation activation,
                             const DecAugReading& reading);

/// sum or mean over the batch of the squared cosine.
Tensor orthogonal_term(const GradientAngles& angles, bool sum);

/// Distance [N] of each sample's context features from the nearest place where another context is more likely. No
/// gradient.
Tensor boundary_distance(const Tensor& context_logits, const Linear& context_head);

}  // namespace engram
