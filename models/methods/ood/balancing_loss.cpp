#include "models/methods/ood/balancing_loss.h"

#include "engine/autograd.h"
#include "engine/ops.h"

namespace engram {
namespace {

/// Weighted means over the groups of all columns of `groups` [N,P] (0 and 1), of feature i over group j: [P,P]; 0 over
/// a group without weight. `features` are less `centre` [1,P], which keeps the digits of saturated ones in gradients.
Tensor group_means(const Tensor& features, const Tensor& centre, const Tensor& weights, const Tensor& groups) {
  const Tensor weighted = reshape(weights, {weights.dim(0), 1}) * groups;
  const Tensor mass = sum(weighted, {0}, true);
  const Tensor empty = equal(mass, Tensor::zeros({1, 1}, mass.device()));
  return matmul(features, weighted, true, false) / (mass + empty) +
         reshape(centre, {centre.dim(1), 1}) * (1.f + neg(empty));
}

/// 0 on the diagonal of [n,n] and 1 beside it.
Tensor beside_diagonal(dim_t n, const Device& device) {
  const Tensor rows = concat({Tensor::zeros({n, 1}, device), Tensor::ones({n, n}, device)}, 1);
  return reshape(slice(reshape(rows, {n * (n + 1)}), 0, 0, n * n), {n, n});
}

}  // namespace

Tensor balancing_loss(const Tensor& features, const Tensor& weights) {
  const Tensor low = greater(Tensor::zeros({1, 1}, features.device()), features.detach());
  const Tensor centre = mean(features.detach(), {0}, true), centred = features - centre;
  const Tensor apart =
      group_means(centred, centre, weights, 1.f + neg(low)) - group_means(centred, centre, weights, low);
  // The columns' own means are far apart: taking their squares from the sum of all would leave rounding of them.
  return sum(square(apart * beside_diagonal(features.dim(1), features.device())));
}

Tensor quantisation_loss(const Tensor& features) {
  return neg(mean(square(features)));
}

Tensor centring_loss(const Tensor& features) {
  return mean(square(mean(features, {0})));
}

Tensor weighted_nll(const Tensor& logits, const Tensor& targets, const Tensor& weights) {
  return sum(weights * neg(sum(log_softmax(logits) * targets, {1})));
}

}  // namespace engram
