#pragma once
/// Multi-layer perceptron for images.

#include <memory>
#include <vector>

#include "models/nets/network.h"

namespace engram {

/// The image as one vector, then linear layers with a ReLU between each two: the classifier of Coloured MNIST (two
/// hidden layers of 390). Weights start as U(-b, b) with b = sqrt(6 / (in + out)) (Glorot and Bengio 2010), biases as
/// 0. Names layers.0, layers.2, ... as in a sequence with the ReLUs counted. No taps; the pooled vector is the last
/// hidden one.
class Mlp : public Network {
 public:
  Mlp(NetworkSpec spec, const std::vector<dim_t>& hidden, Device device);

 protected:
  Tensor stage(Executor& executor, int s, const Tensor& x, PreActivation* before) override;
  Tensor pool(const Tensor& x) override;
  Tensor classify(const Tensor& pooled, bool training) override;

 private:
  std::vector<std::unique_ptr<Linear>> layers_;
};

}  // namespace engram
