#pragma once
/// VGG (Simonyan and Zisserman 2015) for small images in the two published forms of the distillation literature.

#include <memory>
#include <vector>

#include "models/nets/network.h"

namespace engram {

/// What follows the convolutions of a VGG, and with it their names, bias and poolings.
enum class VggHead {
  kLinear,    ///< NaturalInversion's code: five poolings, three linear layers with dropout
  kAverage,   ///< RepDistiller's: a pooling after each of the first three blocks (for 64 rows or more also after the
              ///< fourth), the mean of the last map, one linear layer
  kSlimming,  ///< network slimming's: four poolings, the mean, one linear layer; no bias in convolutions, gains of 0.5
  kNormalized,  ///< L1-norm pruning's: the same with a normalised linear layer of 512 values before the last one
};

/// What a VGG is made of.
struct VggConfig {
  std::vector<int> convolutions;  ///< of each of the five blocks
  std::vector<dim_t> channels;    ///< of each convolution
  bool batch_norm = true;
  VggHead head = VggHead::kLinear;
  dim_t hidden = 0;  ///< values between the three linear layers; 0: as many as the last block has channels
};

/// Convolutions (3x3, BN, ReLU) in five blocks.
///   - Three linear layers: names features.0 (convolution), features.1 (BN), ..., classifier.1, .4, .6, in the
///   reference's
///     counting. Taps: the last maps before the first four poolings. Images of at least 32x32; the first linear layer
///     takes all pixels of the last map (one, for images below 64x64).
///   - Average: names block0.0 (convolution), block0.1 (BN), ..., classifier. Taps: the last maps of blocks 1 to 4, as
///     RepDistiller's methods have them. Images of at least 8x8.
///   - Slimming and normalized: names feature.0, feature.1, ..., classifier (normalized: classifier.0, .1, .3). Taps as
///   with three
///     linear layers. Images of at least 16x16.
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
  bool average() const { return config_.head == VggHead::kAverage; }
  /// Adds the convolutions of block b, the first of which is number `first`; returns the block's channels.
  dim_t add_block(std::size_t b, dim_t in, std::size_t first, int* position, Device device);
  void add_linear(const std::string& name, dim_t in, dim_t out, Device device);
  void add_head(dim_t in, dim_t pixels, Device device);
  Tensor block(Executor& executor, std::size_t b, const Tensor& x, PreActivation* before) const;

  VggConfig config_;
  std::vector<std::vector<Unit>> blocks_;
  std::vector<std::unique_ptr<Linear>> classifier_;
  std::unique_ptr<BatchNorm2d> hidden_bn_;  ///< of the normalized head, or null
};

}  // namespace engram
