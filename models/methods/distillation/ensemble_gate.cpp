#include "models/methods/distillation/ensemble_gate.h"

namespace engram {

EnsembleGate::EnsembleGate(dim_t channels, dim_t branches, Device device)
    : linear_(channels, branches, device), norm_(branches, device) {
  register_child("control_v1", linear_);
  register_child("bn_v1", norm_);
}

Tensor EnsembleGate::forward(const Tensor& trunk) const {
  const Tensor x = linear_.forward(global_avg_pool(trunk));
  const dim_t n = x.dim(0), branches = x.dim(1);
  return softmax(
      reshape(norm_.forward(reshape(x, {n, branches, 1, 1}), Activation::kRelu).contiguous(), {n, branches}));
}

Tensor EnsembleGate::ensemble(const Tensor& trunk, const std::vector<Tensor>& logits) const {
  const Tensor weights = forward(trunk);
  Tensor total;
  for (std::size_t b = 0; b < logits.size(); ++b) {
    const Tensor part = logits[b] * slice(weights, 1, dim_t(b), dim_t(b) + 1);
    total = total.defined() ? total + part : part;
  }
  return total;
}

}  // namespace engram
