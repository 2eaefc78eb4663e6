#pragma once
/// VGG (Simonyan and Zisserman 2015) for small images in the two published forms of the distillation literature.

#include <memory>
#include <vector>

#include "models/nets/network.h"

namespace engram {

/// What a VGG is made of.
struct VggConfig {
  std::vector<int> convolutions;  ///< of each of the five blocks
  dim_t width = 64;               ///< channels of the first block; the blocks have 1, 2, 4, 8, 8 times as many
  bool batch_norm = true;
  /// The head: as in the NaturalInversion code, a pooling after each block and three linear layers with dropout; or as
  /// in the RepDistiller code, a pooling after each of the first three blocks, global average pooling and one linear
  /// layer. (For 64 rows RepDistiller pools once more, after the fourth; so does this for 64 rows or more.)
  bool average = false;
  dim_t hidden = 0;  ///< values between the three linear layers; 0: as many as the last block has channels
};

/// Convolutions (3x3 with bias, BN, ReLU) in five blocks.
///   - Three linear layers: names features.0 (convolution), features.1 (BN), ..., classifier.1, .4, .6, in the
///   reference's
///     counting. Taps: the last maps before the first four poolings. Images of at least 32x32; the first linear layer
///     takes all pixels of the last map (one, for images below 64x64).
///   - Average: names block0.0 (convolution), block0.1 (BN), ..., classifier. Taps: the last maps of blocks 1 to 4, as
///     RepDistiller's methods have them. Images of at least 8x8.
class Vgg : public Network {
 public:
  /// Throws UsageError for smaller images.
  Vgg(NetworkSpec spec, const VggConfig& config, Device device);

 protected:
  Tensor stage(Executor& executor, int s, const Tensor& x, PreActivation* before) override;
  Tensor neck(Executor& executor, const Tensor& x) override;
  Tensor pool(const Tensor& x) override;
  Tensor classify(const Tensor& pooled, bool training) override;

 private:
  struct Unit {
    std::unique_ptr<Conv2d> conv;
    std::unique_ptr<BatchNorm2d> bn;  ///< or null
  };
  void add_block(std::size_t b, dim_t in, dim_t out, int* position, Device device);
  void add_linear(const std::string& name, dim_t in, dim_t out, Device device);
  Tensor block(Executor& executor, std::size_t b, const Tensor& x, PreActivation* before) const;

  VggConfig config_;
  std::vector<std::vector<Unit>> blocks_;
  std::vector<std::unique_ptr<Linear>> classifier_;
};

}  // namespace engram
