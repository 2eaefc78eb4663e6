#include "models/methods/distillation/decoupled.h"

#include "models/methods/distillation/kd_term.h"

namespace engram {
namespace {

constexpr float kRemoved = 1000;  // beyond what any softmax of f32 sees

/// Logits [N,2] of the label against all others together.
Tensor label_against_rest(const Tensor& z, const Tensor& label) {
  return concat({sum(z * label, {1}, true), log_sum_exp(z - kRemoved * label)}, 1);
}

/// Mean over rows of Pearson's correlation along the last axis.
Tensor mean_correlation(const Tensor& a, const Tensor& b) {
  const Tensor x = a - mean(a, {1}, true), y = b - mean(b, {1}, true);
  const Tensor lengths = norm(x, {1}) * norm(y, {1});
  return mean(sum(x * y, {1}) / (lengths + 1e-8f));
}

}  // namespace

DecoupledTerms decoupled_kd(const Tensor& student, const Tensor& teacher, const Tensor& labels, double tau) {
  const Tensor label = one_hot(labels, student.dim(1));
  const Tensor s = student * float(1 / tau), t = teacher.detach() * float(1 / tau);
  const float factor = float(tau * tau);
  return {kl_divergence(label_against_rest(s, label), label_against_rest(t, label), 1, factor),
          kl_divergence(s - kRemoved * label, t - kRemoved * label, 1, factor)};
}

CorrelationTerms correlation_kd(const Tensor& student, const Tensor& teacher, double tau) {
  const Tensor s = softmax(student * float(1 / tau)), t = softmax(teacher.detach() * float(1 / tau));
  const float factor = float(tau * tau);
  return {factor * (1.f - mean_correlation(s, t)),
          factor * (1.f - mean_correlation(transpose(s, 0, 1), transpose(t, 0, 1)))};
}

}  // namespace engram
