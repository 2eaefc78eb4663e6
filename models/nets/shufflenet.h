#pragma once
/// ShuffleNets (Zhang et al. 2018; Ma et al. 2018) for small images, as RepDistiller has them.

#include <memory>
#include <vector>

#include "models/nets/network.h"

namespace engram {

/// conv1x1 to 24 channels, BN, ReLU; three stages of 4, 8, 4 bottlenecks to 240, 480, 960 channels, whose first ones
/// halve the image; global average pooling, linear head. A bottleneck is conv1x1 in 3 groups (in one, for the 24
/// channels)-BN-ReLU, channels shuffled, depthwise conv3x3-BN-ReLU, conv1x1 in 3 groups-BN; then x is added, or, where
/// the image is halved, its 3x3 average of stride 2 joined; then ReLU. Names conv1, bn1, layer1.0.conv1, ..., linear.
/// Taps: the stages' outputs.
class ShuffleNetV1 : public Network {
 public:
  ShuffleNetV1(NetworkSpec spec, Device device);

 protected:
  Tensor stage(Executor& executor, int s, const Tensor& x, PreActivation* before) override;
  Tensor classify(const Tensor& pooled, bool training) override;

 private:
  struct Bottleneck : Module {
    Bottleneck(dim_t in, dim_t out, dim_t stride, dim_t first_groups, Device device);
    Tensor forward(Executor& executor, const Tensor& x, PreActivation* before) const;
    Conv2d conv1;
    BatchNorm2d bn1;
    Conv2d conv2;
    BatchNorm2d bn2;
    Conv2d conv3;
    BatchNorm2d bn3;
  };

  Conv2d conv1_;
  BatchNorm2d bn1_;
  std::vector<std::vector<std::unique_ptr<Bottleneck>>> stages_;
  std::unique_ptr<Linear> linear_;
};

/// conv1x1 to 24 channels, BN, ReLU; three stages, each a block that halves the image and 3, 7, 3 that keep it, to 116,
/// 232, 464 channels (times `width` as in the paper's table); conv1x1 to 1024 channels, BN, ReLU; global average
/// pooling, linear head. A block splits the channels in halves, passes one on and the other through
/// conv1x1-BN-ReLU, depthwise conv3x3-BN, conv1x1-BN-ReLU, joins and shuffles them; a halving one works on all channels
/// in both branches. Names conv1, bn1, layer1.0.conv1, ..., conv2, bn2, linear. Taps: the stages' outputs.
class ShuffleNetV2 : public Network {
 public:
  /// `channels` of the three stages and of the last convolution.
  ShuffleNetV2(NetworkSpec spec, const std::vector<dim_t>& channels, Device device);

 protected:
  Tensor stage(Executor& executor, int s, const Tensor& x, PreActivation* before) override;
  Tensor neck(Executor& executor, const Tensor& x) override;
  Tensor classify(const Tensor& pooled, bool training) override;

 private:
  /// Convolutions and normalisations under the names conv1, bn1, conv2, bn2, ...
  struct Units : Module {
    void add(const Conv2dConfig& conv, Device device);
    Tensor run(Executor& executor, std::size_t i, const Tensor& x, Activation activation) const;
    std::vector<std::unique_ptr<Conv2d>> convs;
    std::vector<std::unique_ptr<BatchNorm2d>> bns;
  };
  static Tensor halving(Executor& executor, const Units& units, const Tensor& x);
  static Tensor keeping(Executor& executor, const Units& units, const Tensor& x, PreActivation* before);

  Conv2d conv1_;
  BatchNorm2d bn1_;
  std::vector<std::vector<std::unique_ptr<Units>>> stages_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  Linear linear_;
};

}  // namespace engram
