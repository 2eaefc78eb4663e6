#pragma once
/// MobileNets (Howard et al. 2017; Sandler et al. 2018) for small images, as the distillation literature has them.

#include <memory>
#include <vector>

#include "models/nets/network.h"

namespace engram {

/// The CIFAR form of the IE-KD code: conv3x3 to 32 channels, BN, ReLU, and 13 blocks of depthwise conv3x3-BN-ReLU and
/// conv1x1-BN-ReLU with 64, 128, 128, 256, 256, 512 (six times), 1024, 1024 channels, of which the fourth and the sixth
/// halve the image; global average pooling, linear head. Names conv1, bn1, layers.0.conv1, layers.0.bn1,
/// layers.0.conv2, layers.0.bn2, ..., linear. Taps: the last map of each resolution.
class MobileNetV1 : public Network {
 public:
  /// `width` multiplies the blocks' channels (rounded down).
  MobileNetV1(NetworkSpec spec, double width, Device device);

 protected:
  Tensor stage(Executor& executor, int s, const Tensor& x, PreActivation* before) override;
  Tensor classify(const Tensor& pooled, bool training) override;

 private:
  struct Block : Module {
    Block(dim_t in, dim_t out, dim_t stride, Device device);
    Tensor forward(Executor& executor, const Tensor& x, PreActivation* before) const;
    Conv2d conv1;
    BatchNorm2d bn1;
    Conv2d conv2;
    BatchNorm2d bn2;
  };

  Conv2d conv1_;
  BatchNorm2d bn1_;
  std::vector<std::unique_ptr<Block>> blocks_;
  std::unique_ptr<Linear> linear_;
};

/// What a MobileNetV2 is made of.
struct MobileNetV2Config {
  double width = 1;
  dim_t expansion = 6;  ///< of all but the first group
  /// torchvision's form, which the IE-KD code uses: widths rounded to multiples of 8, no expansion convolution where
  /// its factor is 1, ReLU6, the second group halves the image, dropout of 0.2 before the head; names features.0.0,
  /// ..., classifier.1. Else RepDistiller's: widths rounded down, an expansion convolution in each block, ReLU; names
  /// conv1.0, conv1.1, blocks.0.0.conv.0, ..., conv2.0, conv2.1, classifier.0.
  bool torchvision = false;
};

/// conv3x3 of stride 2; seven groups of inverted residual blocks (conv1x1-BN-act, depthwise conv3x3-BN-act,
/// conv1x1-BN, plus x where the extents stay) with 16, 24, 32, 64, 96, 160, 320 channels; conv1x1 to 1280 channels;
/// global average pooling, linear head. Taps: groups 2, 3, 5, 7 (RepDistiller). Their blocks end in a normalisation, so
/// the maps before the last activation are the same.
class MobileNetV2 : public Network {
 public:
  MobileNetV2(NetworkSpec spec, const MobileNetV2Config& config, Device device);

 protected:
  Tensor stage(Executor& executor, int s, const Tensor& x, PreActivation* before) override;
  Tensor neck(Executor& executor, const Tensor& x) override;
  Tensor classify(const Tensor& pooled, bool training) override;

 private:
  struct Unit {
    Conv2d conv;
    BatchNorm2d bn;
  };
  struct Block {
    std::vector<Unit*> units;  ///< expansion (or not), depthwise, projection
    bool adds_input;
  };

  Unit* add_unit(const std::string& conv_name, const std::string& bn_name, const Conv2dConfig& conv, Device device);
  void add_block(const std::string& prefix, dim_t in, dim_t out, dim_t stride, dim_t expansion, Device device);
  Tensor activated(Executor& executor, const Unit& unit, const Tensor& x) const;

  MobileNetV2Config config_;
  std::vector<std::unique_ptr<Unit>> units_;
  Unit* first_;
  std::vector<std::vector<Block>> groups_;
  Unit* last_;
  std::unique_ptr<Linear> classifier_;
};

}  // namespace engram
