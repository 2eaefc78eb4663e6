#pragma once
/// The terms of multi-level logit distillation (Jin et al. 2023; docs/methods/distillation.md, "MLKD").

#include "engine/ops.h"

namespace engram {

/// |P_s^T P_s - P_t^T P_t|_F^2 / K of class probabilities at temperature tau: relations of the classes.
Tensor class_relation_term(const Tensor& student, const Tensor& teacher, double tau);

/// |P_s P_s^T - P_t P_t^T|_F^2 / N: relations of the samples.
Tensor batch_relation_term(const Tensor& student, const Tensor& teacher, double tau);

/// kd_term of the samples with a mask [N] of 0 and 1 alone, divided by all N.
Tensor masked_kd_term(const Tensor& student, const Tensor& teacher, const Tensor& mask, double tau);

/// 1 for the values [M] up to their median (of the two middle ones the mean), else 0.
Tensor up_to_median(const Tensor& values);

/// Which samples the teacher is not sure of: up_to_median of the largest probability of each row.
Tensor unsure_samples(const Tensor& teacher_logits);
/// Which classes the teacher sees little of in the batch: up_to_median of the summed probabilities.
Tensor unsure_classes(const Tensor& teacher_logits);

}  // namespace engram
