#pragma once
/// What networks that learn together say to each other: DML, collaborative learning, ONE (docs/methods/distillation.md,
/// "Peers"). Logits [N,K]; scalars; no gradient flows to the targets.

#include <vector>

#include "engine/ops.h"
#include "engine/ops/distillation_losses.h"

namespace engram {

/// DML: the cross entropy with the labels (i32 [N]), and the divergences KL(peer || student) at temperature 1, averaged
/// over the peers, or added (the original code). At least one peer.
DistillationLosses mutual_losses(const Tensor& student, const std::vector<Tensor>& peers, const Tensor& labels,
                                 bool add = false);

/// Collaborative learning: cross entropy with the softened mean of the other heads' logits, at temperature tau.
Tensor collaborative_term(const std::vector<Tensor>& heads, std::size_t head, double tau);

/// ONE: tau^2 KL towards the gated ensemble, with 1e-7 added to its probabilities, in weight and logarithm.
Tensor ensemble_term(const Tensor& branch, const Tensor& ensemble, double tau = 3);

/// ONE: exp(-5 (1 - min(e,80)/80)^2), the weight of its term in epoch e.
double ensemble_weight(double epoch);

/// Snapshot distillation: cross entropy of the student at temperature 1 with the teacher's softened probabilities.
Tensor snapshot_term(const Tensor& student, const Tensor& teacher, double tau);

}  // namespace engram
