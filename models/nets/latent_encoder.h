#pragma once
/// PRE-DFKD's encoder: images to the latent vectors of its memory generator (docs/methods/data_free.md, "PRE-DFKD").

#include "models/data/image_shape.h"
#include "models/layers.h"

namespace engram {

/// Each column of each channel scaled to length 1; convolution to 64 channels, BN, LeakyReLU 0.2; to 128, BN,
/// LeakyReLU; every second pixel; convolution of stride 2, BN; every second pixel; two linear layers. Names
/// conv_blocks0.0, .1, conv_blocks1.0, .1, conv_blocks2.0, .1, fc_mu, fc_var. Weights of convolutions and linear layers
/// are first uniform in
/// +-0.08, their biases 0.
class LatentEncoder : public Module {
 public:
  /// Throws UsageError unless rows and columns of the image are multiples of 8.
  LatentEncoder(dim_t latent, const ImageShape& image, Device device);

  struct Distribution {
    Tensor mean;          ///< [B,latent]
    Tensor log_variance;  ///< [B,latent]
  };
  /// Images [B,C,H,W] -> the distribution of their latent vectors.
  Distribution forward(const Tensor& images) const;

 private:
  Conv2d conv0_;
  BatchNorm2d bn0_;
  Conv2d conv1_;
  BatchNorm2d bn1_;
  Conv2d conv2_;
  BatchNorm2d bn2_;
  Linear mean_, log_variance_;
};

}  // namespace engram
