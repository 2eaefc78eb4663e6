#pragma once
/// The losses of CNBB (He et al. 2021, "Towards non-I.I.D. image classification"), as DecAug's authors have them.

#include "engine/tensor.h"

namespace engram {

/// How far the samples are from being balanced: for each column j of f [N,P] the squared distance of the weighted means
/// of the other columns between the samples with f_j >= 0 and the others, summed over j. weights [N]. A group without
/// weight has the mean 0. Differentiable in both (the groups are constant).
Tensor balancing_loss(const Tensor& features, const Tensor& weights);

/// - mean over rows of sum_j f_j^2 / P: pushes features in (-1, 1) to the ends.
Tensor quantisation_loss(const Tensor& features);

/// Mean over columns of the squared mean.
Tensor centring_loss(const Tensor& features);

/// sum over rows of weight times cross entropy.
Tensor weighted_nll(const Tensor& logits, const Tensor& targets, const Tensor& weights);

}  // namespace engram
