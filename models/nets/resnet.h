#pragma once
/// Residual networks of basic blocks for small images (He et al. 2016, "Deep residual learning for image recognition").

#include <memory>
#include <vector>

#include "models/nets/network.h"

namespace engram {

/// What a ResNet is made of.
struct ResNetConfig {
  dim_t stem = 64;            ///< channels of the first convolution
  std::vector<dim_t> widths;  ///< channels of each stage; stages after the first halve the image
  std::vector<int> blocks;    ///< basic blocks of each stage
  bool projection = true;  ///< shortcuts where extents change: 1x1 convolution and BN (option B), or subsampling with
                           ///< zero channels (A)
  bool he_init = false;    ///< convolutions and head weight N(0, sqrt(2 / fan_in)) instead of torch's defaults
};

/// conv3x3-BN-ReLU-conv3x3-BN, plus the shortcut, ReLU. Names conv1, bn1, conv2, bn2, shortcut.0, shortcut.1.
class BasicBlock : public Module {
 public:
  BasicBlock(dim_t in, dim_t out, dim_t stride, const ResNetConfig& config, Device device);
  Tensor forward(Executor& executor, const Tensor& x) const;

 private:
  Tensor shortcut(Executor& executor, const Tensor& x) const;

  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  std::unique_ptr<Conv2d> shortcut_conv_;
  std::unique_ptr<BatchNorm2d> shortcut_bn_;
};

/// conv3x3-BN-ReLU, stages of basic blocks, global average pooling, linear head. The names are those of the DAFL and
/// NaturalInversion code: conv1, bn1, layer1.0.conv1, ..., linear. Taps: every stage's output.
class ResNet : public Network {
 public:
  ResNet(NetworkSpec spec, const ResNetConfig& config, Device device);

 protected:
  Tensor body(Executor& executor, const Tensor& x, std::vector<Tensor>* taps, bool taps_only) override;
  Tensor head(const Tensor& features, bool training) override;

 private:
  Conv2d conv1_;
  BatchNorm2d bn1_;
  std::vector<std::vector<std::unique_ptr<BasicBlock>>> stages_;
  Linear linear_;
};

}  // namespace engram
