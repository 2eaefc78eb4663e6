#pragma once
/// Wide residual networks (Zagoruyko and Komodakis 2016), pre-activation, for small images.

#include <memory>
#include <vector>

#include "models/nets/network.h"

namespace engram {

/// BN-ReLU-conv3x3-BN-ReLU-conv3x3, plus x, or plus a 1x1 convolution of the activated input where channels change.
/// Names bn1, conv1, bn2, conv2, convShortcut.
class WideBlock : public Module {
 public:
  /// `inner` are the channels between the convolutions.
  WideBlock(dim_t in, dim_t inner, dim_t out, dim_t stride, Device device);
  Tensor forward(Executor& executor, const Tensor& x) const;
  /// The normalisation that the input passes first.
  const BatchNorm2d& entry() const { return bn1_; }

 private:
  BatchNorm2d bn1_;
  Conv2d conv1_;
  BatchNorm2d bn2_;
  Conv2d conv2_;
  std::unique_ptr<Conv2d> shortcut_;
};

/// WRN-depth-widen: conv3x3 to 16 channels, three groups of (depth - 4) / 6 blocks with 16, 32, 64 times `widen`
/// channels, BN, ReLU, global average pooling, linear head. Names as in the reference network: conv1,
/// block1.layer.0.bn1, ..., bn1, fc. Taps: the first two groups' sums as they are, and the third's after the closing BN
/// and ReLU; FeatureRequest::sums are the three as they are. Before the activation: the groups' sums after the BN that
/// follows them (the first of the next group, or the closing one), as overhaul distillation has it; in training mode
/// those of the first two groups then move the running statistics twice, as they do in its released code.
class WideResNet : public Network {
 public:
  /// `inner` are the channels of each block's first convolution, in order.
  WideResNet(NetworkSpec spec, int widen, const std::vector<dim_t>& inner, Device device);

 protected:
  Tensor stage(Executor& executor, int s, const Tensor& x, PreActivation* before) override;
  Tensor close(Executor& executor, const Tensor& x, PreActivation* before) override;
  Tensor classify(const Tensor& pooled, bool training) override;

 private:
  Conv2d conv1_;
  std::vector<std::vector<std::unique_ptr<WideBlock>>> groups_;
  BatchNorm2d bn1_;
  Linear fc_;
};

}  // namespace engram
