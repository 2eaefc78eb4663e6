#pragma once
/// A network that sees a map made from the whole batch beside each image (Zhang et al. 2021, ARM-CML).

#include <memory>
#include <string>

#include "models/nets/network.h"

namespace engram {

/// From images to one map each: conv5x5 to 64, BN, ReLU, conv5x5 to 64, BN, ReLU, conv5x5 to 1, all padded by 2 and
/// with biases. Names context_net.0, .1, .3, .4, .6.
class ContextNet : public Module {
 public:
  ContextNet(dim_t channels, Device device);
  Tensor forward(Executor& executor, const Tensor& x) const;

 private:
  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  Conv2d conv3_;
};

/// Blocks of `support` consecutive images of a batch share a context: the mean of their maps, which a body of one more
/// channel takes beside each image. A batch that is no multiple of `support` is one block: what an image is taken for
/// depends on the images beside it. Names context_net.* and body.*. No taps; the pooled vector is the body's.
class ContextNetwork : public Network {
 public:
  /// Throws UsageError for a support below 1 and a body that does not exist.
  ContextNetwork(NetworkSpec spec, const std::string& body, dim_t support, Device device);

  dim_t support() const { return support_; }

 protected:
  Tensor stage(Executor& executor, int s, const Tensor& x, PreActivation* before) override;
  Tensor neck(Executor& executor, const Tensor& x) override;
  Tensor pool(const Tensor& x) override { return x; }
  Tensor classify(const Tensor& pooled, bool training) override;

 private:
  dim_t support_;
  ContextNet context_net_;
  std::unique_ptr<Network> body_;
};

}  // namespace engram
