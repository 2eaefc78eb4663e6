#include "models/methods/distillation/close_kl.h"

#include "engine/autograd.h"
#include "engine/ops.h"

namespace engram {
namespace {

/// Rows whose log ratios are all this near to their mean are near.
constexpr float kNear = 0.5f;

/// Coefficients from the constant on.
Tensor polynomial(const Tensor& x, const std::vector<float>& coefficients) {
  Tensor y = coefficients.back() * x + coefficients[coefficients.size() - 2];
  for (std::size_t i = coefficients.size() - 2; i > 0; --i) y = y * x + coefficients[i - 1];
  return y;
}

/// exp(-u) - 1 + u for |u| <= kNear: how far exp lies above its tangent.
Tensor above_tangent(const Tensor& u) {
  return square(u) * polynomial(u, {1 / 2.f, -1 / 6.f, 1 / 24.f, -1 / 120.f, 1 / 720.f, -1 / 5040.f, 1 / 40320.f});
}

/// log(1 + x) for x in [0, above_tangent(-kNear)], as twice the inverse hyperbolic tangent of x / (2 + x).
Tensor log_of_one_and(const Tensor& x) {
  const Tensor y = x / (x + 2.f);
  return 2.f * y * polynomial(square(y), {1, 1 / 3.f, 1 / 5.f, 1 / 7.f});
}

}  // namespace

Tensor close_kl(const Tensor& student, const Tensor& teacher) {
  const Tensor divergence = kl_divergence(student, teacher, 1, 1);
  Tensor correction;
  {
    const NoGradGuard no_grad;
    const Tensor s = student.detach(), t = teacher.detach(), p = softmax(t);
    // KL = log sum p exp(-u) for u = log (p / q) less its mean under p, so that sum p u = 0: all terms are positive.
    const Tensor ratio = (t - s) - mean(t - s, {1}, true), u = ratio - sum(p * ratio, {1}, true);
    const Tensor far = greater(max(abs(u), {1}, true), Tensor::full({1}, kNear, u.device())), near = 1.f + neg(far);
    const Tensor of_near = log_of_one_and(sum(p * above_tangent(u * near), {1}, true));
    correction = mean(of_near) + kl_divergence(s * far, t * far, 1, 1) - divergence.detach();
  }
  return divergence + correction;
}

}  // namespace engram
