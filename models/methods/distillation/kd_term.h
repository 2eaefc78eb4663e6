#pragma once
/// Comparisons of class distributions (docs/methods/distillation.md, "Logits").

#include "engine/ops.h"

namespace engram {

/// tau^2 * mean over rows of KL(softmax(teacher / tau) || softmax(student / tau)): Hinton et al. 2015. Logits [N,K]; a
/// scalar. Throws UsageError unless tau > 0.
Tensor kd_term(const Tensor& student, const Tensor& teacher, double tau);

/// (z - mean) / (deviation + 1e-7) over the classes, with the deviation's unbiased estimate: Sun et al. 2024, "Logit
/// Standardization in Knowledge Distillation", released code.
Tensor standardised(const Tensor& logits);

/// log of the sum of exponentials over the last axis, kept as an extent of 1.
Tensor log_sum_exp(const Tensor& x);

/// Throws UsageError, naming the term, unless the temperature is positive and finite.
void check_temperature(const char* term, double tau);

}  // namespace engram
