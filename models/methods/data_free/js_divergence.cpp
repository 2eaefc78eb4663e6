#include "models/methods/data_free/js_divergence.h"

#include "engine/ops.h"

namespace engram {
namespace {

Tensor limited(const Tensor& p) {
  return clamp(p, 0.01f, 0.99f);
}

}  // namespace

Tensor js_divergence(const Tensor& student_logits, const Tensor& teacher_logits, float temperature, JsMean over) {
  if (!(temperature > 0))
    throw UsageError(message("[js_divergence] expected a temperature above 0, got ", temperature));
  const Tensor p = softmax(student_logits / temperature), q = softmax(teacher_logits / temperature);
  const Tensor m = limited(0.5f * (p + q));
  const Tensor both = m * (log(m) - 0.5f * (log(limited(p)) + log(limited(q))));
  return over == JsMean::kRows ? sum(both) / float(both.dim(0)) : mean(both);
}

Tensor competition_loss(const Tensor& js) {
  return 1.f - clamp(js, 0, 1);
}

}  // namespace engram
