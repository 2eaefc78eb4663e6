#pragma once
/// The feature transfer pyramid of NaturalInversion (docs/methods/natural_inversion.md, "Feature transfer pyramid").

#include <memory>
#include <vector>

#include "models/nets/network.h"

namespace engram {

/// Adds up a classifier's feature maps from the coarsest to the finest, turns them into an image and adds it to the
/// given one. With maps f_1 (as large as the image) .. f_S, in the released code's names and for S = 4:
///   h = conv1(up(f_4)), then h = conv2(up(conv_31(h + f_3))), h = conv3(up(conv_32(h + f_2))), h = conv_33(h + f_1),
///   addition = conv4(h), preimage = conv6(x + addition)
/// with 1x1 convolutions convN and 3x3 convolutions conv_3N, all with bias and torch's first values. For S = 3 the last
/// of each series (conv3, conv_33) is left out. The released module ends in u = tanh(preimage); that is left to the
/// caller, who has an operation that fuses it with the channel scaling that follows. All is affine, so two exact
/// rewrites save work: 1x1 convolutions run before the nearest upsampling instead of after it, and conv4 after the last
/// 3x3 convolution is one 3x3 convolution to the image's channels, whose weight is composed anew, differentiably, in
/// each pass.
class FeaturePyramid : public Module {
 public:
  /// For images and maps of these extents: Network::image() and taps(). The finest map comes first and has the pixels
  /// of the image, each other half the rows and columns of the one before. Throws UsageError otherwise.
  FeaturePyramid(const ImageShape& image, const std::vector<TapSpec>& taps, Device device);

  struct Output {
    Tensor preimage;  ///< [N,C,H,W]
    Tensor addition;  ///< what the maps add to x
  };
  /// x [N,C,H,W] and the maps, finest first, which are constants: no gradient flows into them. Throws ShapeError.
  Output forward(const Tensor& x, const std::vector<Tensor>& features) const;
  /// conv6(x): what is left without the maps.
  Tensor without_maps(const Tensor& x) const { return out_.forward(x); }

 private:
  std::vector<TapSpec> taps_;
  std::vector<std::unique_ptr<Conv2d>> reduce_;  // conv1.., coarsest first
  Conv2d to_image_;                              // conv4
  Conv2d out_;                                   // conv6
  std::vector<std::unique_ptr<Conv2d>> mix_;     // conv_31.., coarsest first
};

}  // namespace engram
