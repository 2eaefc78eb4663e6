#include "models/methods/data_free/generative_loss.h"

#include "engine/ops.h"
#include "models/methods/data_free/dafl_terms.h"

namespace engram {

Tensor student_distance(StudentDistance distance, const Tensor& student_logits, const Tensor& teacher_logits) {
  if (distance == StudentDistance::kL1) return mean(abs(student_logits - teacher_logits));
  return kl_divergence(student_logits, teacher_logits);
}

GenerativeLoss generative_loss(const GenerativeAnswers& answers, const GenerativeWeights& weights) {
  GenerativeLoss loss;
  loss.oh = one_hot_loss(answers.teacher);
  loss.balance = class_balance(answers.teacher);
  const Tensor none = Tensor::zeros({}, answers.teacher.device());
  loss.act = answers.features.defined() ? activation_loss(answers.features) : none;
  loss.bn = weights.bn != 0 ? answers.bn : none;
  loss.adv = weights.adv != 0 ? neg(student_distance(weights.distance, answers.student, answers.teacher)) : none;
  loss.total = weights.bn * loss.bn + weights.oh * loss.oh + weights.adv * loss.adv + weights.balance * loss.balance +
               weights.act * loss.act;
  return loss;
}

}  // namespace engram
