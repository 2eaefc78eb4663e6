#pragma once
/// CMI's adversarial term, which FAST and NAYER use too (docs/methods/data_free.md, "CMI").

#include "engine/tensor.h"

namespace engram {

struct AgreementDivergence {
  Tensor loss;  ///< scalar: -mean_i agree_i KL(softmax t_i || softmax s_i)
  Tensor mask;  ///< [B]: 1 where the largest classes agree
};

/// Drives images away from what the student knows already, only where it decides like the teacher. Temperature 1;
/// gradients flow to both logits [B,C]. Throws ShapeError unless the shapes agree.
AgreementDivergence agreement_divergence(const Tensor& student_logits, const Tensor& teacher_logits);

}  // namespace engram
