#include "models/methods/distillation/decoupled.h"

#include "models/methods/distillation/kd_term.h"

namespace engram {
namespace {

constexpr float kRemoved = 1000;  // beyond what any softmax of f32 sees

/// Logits [N,2] of the label against all others together.
Tensor label_against_rest(const Tensor& z, const Tensor& label) {
  return concat({sum(z * label, {1}, true), log_sum_exp(z - kRemoved * label)}, 1);
}

/// Mean over rows of 1 - Pearson's correlation along the last axis, x y / (|x| |y| + eps) of centred rows. Of the
/// directions' difference, 1 - x y / (|x| |y|) being half its square: where the two nearly agree, float32 has no digits
/// of 1 - correlation.
Tensor mean_decorrelation(const Tensor& a, const Tensor& b) {
  constexpr float kEps = 1e-8f, kNoDirection = 1e-15f;  // the latter keeps rows without a length from dividing by 0
  const Tensor x = a - mean(a, {1}, true), y = b - mean(b, {1}, true);
  const Tensor x_length = norm(x, {1}, true), y_length = norm(y, {1}, true), lengths = x_length * y_length;
  const Tensor apart = x / (x_length + kNoDirection) - y / (y_length + kNoDirection);
  return mean((0.5f * lengths * sum(square(apart), {1}, true) + kEps) / (lengths + kEps));
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
  return {factor * mean_decorrelation(s, t), factor * mean_decorrelation(transpose(s, 0, 1), transpose(t, 0, 1))};
}

}  // namespace engram
