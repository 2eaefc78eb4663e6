#pragma once
/// Class distributions taken apart: the terms of DKD and DIST (docs/methods/distillation.md, "Logits").

#include "engine/ops.h"

namespace engram {

/// Both with the factor tau^2.
struct DecoupledTerms {
  Tensor target;  ///< of (p_y, 1 - p_y)
  Tensor others;  ///< of the softmax over the classes but the label
};
/// DKD's terms of logits [N,K] and labels [N] (i32): divergences from the teacher's distributions, means over rows.
/// 1 - p_y is taken by log-sum-exp, so that wide margins stay finite in f32. The label has gradient 0 in `others`.
DecoupledTerms decoupled_kd(const Tensor& student, const Tensor& teacher, const Tensor& labels, double tau);

/// Both with the factor tau^2.
struct CorrelationTerms {
  Tensor samples;  ///< 1 - the mean over samples of the correlation over classes
  Tensor classes;  ///< 1 - the mean over classes of the correlation over samples
};
/// DIST's terms: Pearson's correlations of class probabilities, with 1e-8 added to the product of the norms as in the
/// released code (so that a distribution with itself has not quite 0).
CorrelationTerms correlation_kd(const Tensor& student, const Tensor& teacher, double tau);

}  // namespace engram
