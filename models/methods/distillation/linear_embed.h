#pragma once
/// Embeddings of pooled features, as RepDistiller's CC and CRD have them.

#include "models/layers.h"

namespace engram {

/// A linear layer under the name "linear".
class LinearEmbed : public Module {
 public:
  LinearEmbed(dim_t in, dim_t out, Device device) : linear_(in, out, device) { register_child("linear", linear_); }
  Tensor forward(const Tensor& x) const { return linear_.forward(x); }

 private:
  Linear linear_;
};

}  // namespace engram
