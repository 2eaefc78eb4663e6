#include "models/methods/inversion/inversion_loss.h"

#include "engine/ops.h"

namespace engram {

Meters inversion_meters(const Device& device) {
  return {{{"loss/total"}, {"loss/ce"}, {"loss/bn_var"}, {"loss/bn_mean"}, {"loss/tv"}, {"loss/l2"}}, device};
}

InversionLoss inversion_loss(Network& classifier, const Tensor& x, const Tensor& labels,
                             const InversionWeights& weights) {
  BnMatching matching = classifier.forward_with_bn_matching(x);
  InversionLoss loss;
  loss.ce = softmax_cross_entropy(matching.logits, labels);
  loss.bn_var = matching.var_norm_sum;
  loss.bn_mean = matching.mean_norm_sum;
  const ImagePrior prior = image_prior(x);
  loss.tv = prior.tv;
  loss.l2 = prior.l2;
  loss.total = loss.ce + weights.bn * (loss.bn_var + loss.bn_mean) + weights.tv * loss.tv + weights.l2 * loss.l2;
  loss.logits = matching.logits;
  loss.layers = std::move(matching.layers);
  return loss;
}

}  // namespace engram
