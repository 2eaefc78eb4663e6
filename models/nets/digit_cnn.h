#pragma once
/// DomainBed's network for digits.

#include "models/nets/group_norm.h"
#include "models/nets/network.h"

namespace engram {

/// Four 3x3 convolutions with biases to 64, 128, 128, 128 channels, the second of stride 2, each followed by ReLU and
/// group normalisation in 8 groups; mean over the pixels; linear head. Names conv1 ... conv4, bn0 ... bn3, classifier.
/// One tap: the last map.
class DigitCnn : public Network {
 public:
  DigitCnn(NetworkSpec spec, Device device);

 protected:
  Tensor stage(Executor& executor, int s, const Tensor& x, PreActivation* before) override;
  Tensor classify(const Tensor& pooled, bool training) override;

 private:
  Conv2d conv1_, conv2_, conv3_, conv4_;
  GroupNorm bn0_, bn1_, bn2_, bn3_;
  Linear classifier_;
};

}  // namespace engram
