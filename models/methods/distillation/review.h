#pragma once
/// The connectors and the loss of knowledge review (Chen et al. 2021; docs/methods/distillation.md, "ReviewKD").

#include <memory>

#include "models/layers.h"

namespace engram {

/// One level's connector: a convolution of 1x1 and BN; with `fuse` two attention maps weigh it against the deeper
/// level's residual; then 3x3 and BN at the teacher's extents. Names as in the released code: conv1.0, conv1.1,
/// conv2.0, conv2.1, att_conv.0.
class ReviewFusion : public Module {
 public:
  ReviewFusion(dim_t in, dim_t middle, dim_t out, bool fuse, Device device);

  struct Result {
    Tensor output;    ///< to compare with the teacher's map
    Tensor residual;  ///< for the next finer level
  };
  /// x [N,in,S,S], the deeper level's residual (undefined without fuse); `size` the student's extent of this level,
  /// `out_size` the teacher's. Square maps; resized to the nearest pixel.
  Result forward(const Tensor& x, const Tensor& residual, dim_t size, dim_t out_size) const;

 private:
  Conv2d conv1_;
  BatchNorm2d norm1_;
  Conv2d conv2_;
  BatchNorm2d norm2_;
  std::unique_ptr<Conv2d> attention_;
};

/// x [N,C,h,w] at size x size by the nearest pixel (floor(i h / size)), as torch's interpolate.
Tensor nearest_resize(const Tensor& x, dim_t size);

/// Mean squared difference of two maps and of their averages over 4x4, 2x2 and 1x1 parts (those smaller than the map),
/// weighted 1, 1/2, 1/4, 1/8 in the order used, over the sum of the weights: one level of the hierarchical context
/// loss.
Tensor context_distance(const Tensor& a, const Tensor& b);

/// Widths of the connectors: of the middle, min(512, the deepest student channels).
inline dim_t review_middle(dim_t deepest) {
  return deepest < 512 ? deepest : 512;
}

}  // namespace engram
