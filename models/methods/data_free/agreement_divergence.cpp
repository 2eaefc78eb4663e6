#include "models/methods/data_free/agreement_divergence.h"

#include "engine/ops.h"

namespace engram {

AgreementDivergence agreement_divergence(const Tensor& student_logits, const Tensor& teacher_logits) {
  if (student_logits.rank() != 2 || student_logits.shape() != teacher_logits.shape())
    throw ShapeError(message("[agreement_divergence] expected logits of one shape, got ", student_logits.describe(),
                             " and ", teacher_logits.describe()));
  const auto decision = [](const Tensor& logits) { return convert(argmax(logits.detach()), DType::kF32); };
  const Tensor log_s = log_softmax(student_logits), log_t = log_softmax(teacher_logits);
  const Tensor rows = sum(exp(log_t) * (log_t - log_s), {1});
  AgreementDivergence result;
  result.mask = equal(decision(student_logits), decision(teacher_logits));
  result.loss = neg(mean(rows * result.mask));
  return result;
}

}  // namespace engram
