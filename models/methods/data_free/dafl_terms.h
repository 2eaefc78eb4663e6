#pragma once
/// What DAFL asks of a teacher's answer to generated images (docs/methods/data_free.md, "DAFL"); DFQ and PRE-DFKD use
/// the same terms.

#include "engine/tensor.h"

namespace engram {

/// Cross entropy of logits [B,C] with their own largest class: low where the teacher is sure. A scalar. The label is a
/// constant.
Tensor one_hot_loss(const Tensor& logits);

/// sum_c p_c ln p_c of the batch's mean softmax p: low where all classes come equally often. Lies in [-ln C, 0]; a
/// class of probability 0 counts as 0. (DAFL takes the logarithm to base 10: times kPerLog10.) A scalar.
Tensor class_balance(const Tensor& logits);
inline constexpr float kPerLog10 = 0.43429448190325182765f;

/// Minus the mean magnitude of features. A scalar.
Tensor activation_loss(const Tensor& features);

/// Mean over the rows of the entropy of their softmax, natural logarithm (a third-party DFQ's form of one_hot_loss). A
/// scalar.
Tensor mean_entropy(const Tensor& logits);

}  // namespace engram
