#include "models/methods/distillation/mlkd_terms.h"

namespace engram {
namespace {

struct Probabilities {
  Tensor student, teacher;
};

Probabilities probabilities(const Tensor& student, const Tensor& teacher, double tau) {
  return {softmax(student * float(1 / tau)), softmax(teacher.detach() * float(1 / tau))};
}

}  // namespace

Tensor class_relation_term(const Tensor& student, const Tensor& teacher, double tau) {
  const auto [s, t] = probabilities(student, teacher, tau);
  return sum(square(matmul(s, s, true) - matmul(t, t, true))) * float(1.0 / double(s.dim(1)));
}

Tensor batch_relation_term(const Tensor& student, const Tensor& teacher, double tau) {
  const auto [s, t] = probabilities(student, teacher, tau);
  return sum(square(matmul(s, s, false, true) - matmul(t, t, false, true))) * float(1.0 / double(s.dim(0)));
}

Tensor masked_kd_term(const Tensor& student, const Tensor& teacher, const Tensor& mask, double tau) {
  const Tensor s = log_softmax(student * float(1 / tau)), t = log_softmax(teacher.detach() * float(1 / tau));
  const Tensor rows = sum(exp(t) * (t - s), {1});
  return mean(rows * mask) * float(tau * tau);
}

Tensor up_to_median(const Tensor& values) {
  const dim_t n = values.dim(0);
  const Tensor smaller = sum(greater(reshape(values, {n, 1}), reshape(values, {1, n})), {1});
  // No value lies between the two in the middle, so what is up to their mean is what is up to the lower one.
  return 1.f - greater(smaller, Tensor::full({1}, float((n - 1) / 2), values.device()));
}

Tensor unsure_samples(const Tensor& teacher_logits) {
  return up_to_median(max(softmax(teacher_logits.detach()), {1}));
}

Tensor unsure_classes(const Tensor& teacher_logits) {
  return up_to_median(sum(softmax(teacher_logits.detach()), {0}));
}

}  // namespace engram
