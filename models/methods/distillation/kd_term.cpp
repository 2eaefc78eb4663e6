#include "models/methods/distillation/kd_term.h"

#include <cmath>

namespace engram {

Tensor kd_term(const Tensor& student, const Tensor& teacher, double tau) {
  return kl_divergence(student, teacher, float(tau), float(tau * tau));
}

Tensor standardised(const Tensor& logits) {
  const Tensor centred = logits - mean(logits, {1}, true);
  return centred / (sqrt(var(logits, {1}, true, 1)) + 1e-7f);
}

Tensor log_sum_exp(const Tensor& x) {
  const Tensor largest = max(x.detach(), {-1}, true);
  return log(sum(exp(x - largest), {-1}, true)) + largest;
}

void check_temperature(const char* term, double tau) {
  if (!(tau > 0) || !std::isfinite(tau))
    throw UsageError(message("[", term, "] expected a temperature above 0, got ", tau));
}

}  // namespace engram
