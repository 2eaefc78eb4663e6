#pragma once
/// Losses on relations between samples, channels and stages: the forms of RepDistiller (docs/methods/distillation.md,
/// "Relations"). Features are [N,...], student first; a scalar each; no gradient flows to the teacher's unless said.

#include "models/methods/distillation/distillation_loss.h"

namespace engram {

/// Smooth L1: mean of d^2 / 2 where |d| < 1, else |d| - 1/2.
Tensor smooth_l1(const Tensor& a, const Tensor& b);

/// SP: squared difference of the row-normalised Gram matrices, summed over N^2.
Tensor similarity_distance(const Tensor& student, const Tensor& teacher);

/// PKT: mean over N^2 of P_t log(P_t / P_s), P the row-normalised cosines mapped to [0,1]; 1e-7 is added to norms and
/// inside the logarithm.
Tensor probability_distance(const Tensor& student, const Tensor& teacher);

/// RKD: smooth L1 of pairwise distances over their mean positive value, mean over N^2. Gradients flow through the mean.
Tensor relational_distance(const Tensor& student, const Tensor& teacher);

/// RKD: smooth L1 of the cosines of the angles of all triples, mean over N^3.
Tensor relational_angle(const Tensor& student, const Tensor& teacher);

/// CC: mean over neighbours in the batch of sum |d_n| |d_{n+1}|, d the difference of embeddings [N,D]. Gradients flow
/// to both.
Tensor neighbour_correlation(const Tensor& student, const Tensor& teacher);

/// NST: maximum mean discrepancy of the channels' maps, normalised over the pixels, with the kernel (a.b)^2.
Tensor selectivity_distance(const Tensor& student, const Tensor& teacher);

/// FSP: mean squared difference of the products of a stage's channels with the next stage's, over the pixels; the
/// larger map is averaged down.
Tensor flow_distance(const Tensor& student, const Tensor& student_next, const Tensor& teacher,
                     const Tensor& teacher_next);

/// AB: for maps before the activation, student and teacher, finest stage first: (s + 1)^2 where s > -1 and t <= 0,
/// (s - 1)^2 where s <= 1 and t > 0; summed, times 3 / (1000 N), halved for each stage before the last.
Tensor boundary_distance(const std::vector<Tensor>& student, const std::vector<Tensor>& teacher);

}  // namespace engram
