#pragma once
/// Losses towards targets that follow from the labels (teacher-free distillation, Yuan et al. 2020;
/// docs/methods/distillation.md, "Tf-KD").

#include "engine/ops.h"

namespace engram {

/// tau^2 * the mean over all N K elements of p_t log(p_t / p_s): K times smaller than kd_term, as the released code
/// has it.
Tensor mean_kd_term(const Tensor& student, const Tensor& teacher, double tau);

/// Mean over all N K elements of q log(q / p_s): q the softmax at temperature tau of probabilities that are 0.99 for
/// the label and 0.01 / (K - 1) else, p_s at temperature 1. Labels [N] i32.
Tensor virtual_teacher_term(const Tensor& student, const Tensor& labels, double tau);

/// Cross entropy, mean over samples, with 0.9 for the label and 0.1 / (K - 1) for each other class.
Tensor smoothed_cross_entropy(const Tensor& student, const Tensor& labels);

}  // namespace engram
