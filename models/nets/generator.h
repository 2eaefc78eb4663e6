#pragma once
/// The one-to-one generator of NaturalInversion (docs/methods/natural_inversion.md, "Generator"): optimised anew for
/// each batch.

#include "models/data/image_shape.h"
#include "models/layers.h"

namespace engram {

/// z [B,latent] -> images [B,C,H,W]: linear to 128 maps of H/4 x W/4; BN, LeakyReLU 0.2; twice upsampling by 2,
/// convolution 3x3, BN, LeakyReLU; convolution 3x3 to C channels without an output function. Always by batch
/// statistics, as the method does, until `eval`. Names l3, conv_block.0 (BN), .3, .4 (BN), .7, .8 (BN), .10, as in the
/// released code.
class ImageGenerator : public Module {
 public:
  /// `latent` = noise values + classes (1024 + 10 for CIFAR-10). Throws UsageError unless rows and columns are
  /// multiples of 4.
  ImageGenerator(dim_t latent, const ImageShape& image, Device device);
  Tensor forward(const Tensor& z) const;
  dim_t latent() const { return linear_.weight.dim(1); }

 private:
  ImageShape image_;
  Linear linear_;
  BatchNorm2d bn0_;
  Conv2d conv3_;
  BatchNorm2d bn4_;
  Conv2d conv7_;
  BatchNorm2d bn8_;
  Conv2d conv10_;
};

}  // namespace engram
