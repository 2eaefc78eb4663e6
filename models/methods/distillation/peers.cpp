#include "models/methods/distillation/peers.h"

#include <algorithm>
#include <cmath>

#include "models/methods/distillation/kd_term.h"

namespace engram {

DistillationLosses mutual_losses(const Tensor& student, const std::vector<Tensor>& peers, const Tensor& labels,
                                 bool add) {
  DistillationLosses losses = distillation_losses(student, peers[0], labels);
  for (std::size_t i = 1; i < peers.size(); ++i)
    losses.divergence = losses.divergence + kd_term(student, peers[i].detach(), 1);
  if (!add && peers.size() > 1) losses.divergence = losses.divergence * float(1.0 / double(peers.size()));
  return losses;
}

Tensor collaborative_term(const std::vector<Tensor>& heads, std::size_t head, double tau) {
  Tensor others;
  for (std::size_t i = 0; i < heads.size(); ++i)
    if (i != head) others = others.defined() ? others + heads[i].detach() : heads[i].detach();
  const Tensor target = softmax(others * float(1 / tau / double(heads.size() - 1)));
  return softmax_cross_entropy_soft(heads[head] * float(1 / tau), target);
}

Tensor ensemble_term(const Tensor& branch, const Tensor& ensemble, double tau) {
  const Tensor target = softmax(ensemble.detach() * float(1 / tau)) + 1e-7f;
  const Tensor divergence = sum(target * (log(target) - log_softmax(branch * float(1 / tau))));
  return divergence * float(tau * tau / double(branch.dim(0)));
}

double ensemble_weight(double epoch) {
  const double rest = 1 - std::min(epoch, 80.0) / 80;
  return std::exp(-5 * rest * rest);
}

Tensor snapshot_term(const Tensor& student, const Tensor& teacher, double tau) {
  return softmax_cross_entropy_soft(student, softmax(teacher.detach() * float(1 / tau)));
}

}  // namespace engram
