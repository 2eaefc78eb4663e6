#pragma once
/// Residual networks of basic blocks (He et al. 2016, "Deep residual learning for image recognition"), for small images
/// and with the ImageNet stem.

#include <memory>
#include <vector>

#include "models/nets/network.h"

namespace engram {

/// What a ResNet is made of.
struct ResNetConfig {
  dim_t stem = 64;            ///< channels of the first convolution
  std::vector<dim_t> widths;  ///< channels of each stage; stages after the first halve the image
  std::vector<int> blocks;    ///< basic blocks of each stage
  /// Channels of the first convolution of each block, in order; empty: as many as the stage has.
  std::vector<dim_t> inner = {};
  /// Shortcuts where extents change.
  enum class Shortcut {
    kProjection,  ///< 1x1 convolution and BN (option B)
    kSubsampled,  ///< every other pixel, between zero channels (option A)
    kAveraged     ///< the mean of 2x2 pixels, before zero channels: the residual networks of L1-norm pruning's code
  };
  Shortcut shortcut = Shortcut::kProjection;
  bool he_init = false;   ///< convolutions and head weight N(0, sqrt(2 / fan_in)) instead of torch's defaults
  bool imagenet = false;  ///< stem 7x7 of stride 2, then 3x3 maximum of stride 2; torchvision's names
};

/// conv3x3-BN-ReLU-conv3x3-BN, plus the shortcut, ReLU. Names conv1, bn1, conv2, bn2, shortcut.0, shortcut.1
/// (downsample.0, .1 with the ImageNet stem).
class BasicBlock : public Module {
 public:
  /// `inner` are the channels between the convolutions.
  BasicBlock(dim_t in, dim_t inner, dim_t out, dim_t stride, const ResNetConfig& config, Device device);
  /// With `before`, also leaves the sum before the last ReLU there.
  Tensor forward(Executor& executor, const Tensor& x, PreActivation* before) const;

 private:
  Tensor shortcut(Executor& executor, const Tensor& x) const;

  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  bool averaged_;
  std::unique_ptr<Conv2d> shortcut_conv_;
  std::unique_ptr<BatchNorm2d> shortcut_bn_;
};

/// Stem, stages of basic blocks, global average pooling, linear head. The names are those of the DAFL and
/// NaturalInversion code: conv1, bn1, layer1.0.conv1, ..., linear; with the ImageNet stem torchvision's, whose head is
/// fc. Taps: every stage's output.
class ResNet : public Network {
 public:
  ResNet(NetworkSpec spec, const ResNetConfig& config, Device device);

 protected:
  Tensor stage(Executor& executor, int s, const Tensor& x, PreActivation* before) override;
  Tensor classify(const Tensor& pooled, bool training) override;

 private:
  Conv2d conv1_;
  BatchNorm2d bn1_;
  bool imagenet_;
  std::vector<std::vector<std::unique_ptr<BasicBlock>>> stages_;
  Linear linear_;
};

}  // namespace engram
