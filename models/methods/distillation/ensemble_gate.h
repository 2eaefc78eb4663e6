#pragma once
/// The gate of ONE (Lan et al. 2018): how much each branch says in the ensemble.

#include "models/layers.h"

namespace engram {

/// Mean over the pixels, linear layer, batch normalisation, ReLU and softmax: weights [N,branches] from the trunk's
/// map. Names as in the released code: control_v1, bn_v1.
class EnsembleGate : public Module {
 public:
  EnsembleGate(dim_t channels, dim_t branches, Device device);
  Tensor forward(const Tensor& trunk) const;
  /// The sum of the branches' logits [N,K], weighted by the gate.
  Tensor ensemble(const Tensor& trunk, const std::vector<Tensor>& logits) const;

 private:
  Linear linear_;
  BatchNorm2d norm_;
};

}  // namespace engram
