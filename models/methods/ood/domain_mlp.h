#pragma once
/// The perceptron that DomainBed's methods use on features.

#include <memory>
#include <vector>

#include "models/layers.h"

namespace engram {

/// Linear layers with a ReLU between each two: in -> width -> ... -> width -> out, `depth` of them, made as
/// torch.nn.Linear. Names input, hiddens.0, ..., output.
class DomainMlp : public Module {
 public:
  /// Throws UsageError for a depth below 2.
  DomainMlp(dim_t in, dim_t out, dim_t width, int depth, Device device);
  Tensor forward(const Tensor& x) const;

 private:
  Linear input_;
  std::vector<std::unique_ptr<Linear>> hiddens_;
  Linear output_;
};

}  // namespace engram
