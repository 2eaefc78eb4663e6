#include "models/methods/data_free/dafl_terms.h"

#include "engine/ops.h"

namespace engram {
namespace {

constexpr float kSmallest = 1e-30f;  // p ln p is 0 in f32 from here on, and its gradient finite

}  // namespace

Tensor one_hot_loss(const Tensor& logits) {
  return softmax_cross_entropy(logits, argmax(logits.detach()));
}

Tensor class_balance(const Tensor& logits) {
  const Tensor p = mean(softmax(logits), {0});
  return sum(p * log(clamp(p, kSmallest, 1.f)));
}

Tensor activation_loss(const Tensor& features) {
  return neg(mean(abs(features)));
}

Tensor mean_entropy(const Tensor& logits) {
  const Tensor log_p = log_softmax(logits);
  return neg(mean(sum(exp(log_p) * log_p, {1})));
}

}  // namespace engram
