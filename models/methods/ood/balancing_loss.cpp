#include "models/methods/ood/balancing_loss.h"

#include "engine/autograd.h"
#include "engine/ops.h"

namespace engram {
namespace {

/// Weighted means over the groups of all columns of `groups` [N,P] (0 and 1); 0 over a group without weight.
struct GroupMeans {
  Tensor all;  ///< [P,P]: of feature i over group j
  Tensor own;  ///< [1,P]: of feature j over group j
};

GroupMeans group_means(const Tensor& features, const Tensor& weights, const Tensor& groups) {
  const Tensor weighted = reshape(weights, {weights.dim(0), 1}) * groups;
  const Tensor mass = sum(weighted, {0}, true);
  const Tensor divisor = mass + equal(mass, Tensor::zeros({1, 1}, mass.device()));
  return {matmul(features, weighted, true, false) / divisor, sum(features * weighted, {0}, true) / divisor};
}

}  // namespace

Tensor balancing_loss(const Tensor& features, const Tensor& weights) {
  const Tensor low = greater(Tensor::zeros({1, 1}, features.device()), features.detach());
  const GroupMeans a = group_means(features, weights, 1.f + neg(low)), b = group_means(features, weights, low);
  return sum(square(a.all - b.all)) - sum(square(a.own - b.own));
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
