#pragma once
/// Views of images that are still being made: crops with a gradient, whose draws lie on the device
/// (docs/methods/data_free.md, "Views").

#include <vector>

#include "engine/random.h"
#include "engine/tensor.h"
#include "models/data/image_shape.h"

namespace engram {

/// A shift of an image by whole pixels, black beyond its border, and then perhaps its mirror image. Row y, column x of
/// the result is row y + dy, column x + dx of the image.
struct CropDraw {
  int dy = 0, dx = 0;
  bool flip = false;
};

/// A rectangle that becomes the image, by bilinear interpolation between its corner pixels (align_corners), and then
/// perhaps its mirror image.
struct BoxDraw {
  int top = 0, left = 0, height = 0, width = 0;
  bool flip = false;
};

/// A uniform shift in [-padding, padding] each way, and a flip with probability 1/2, for each image.
std::vector<CropDraw> draw_crops(dim_t count, int padding, Generator& generator);
/// A share of the area uniform in [min_area, 1] at a ratio of the sides of 3/4 to 4/3, uniform in the logarithm, and a
/// flip, for each image; where ten draws do not fit, the whole image.
std::vector<BoxDraw> draw_boxes(dim_t count, double min_area, const ImageShape& image, Generator& generator);

/// Crops of a batch, in tensors that stay.
class StagedCrops {
 public:
  StagedCrops(dim_t count, const Device& device);
  /// Queues other draws. Throws ShapeError for another number.
  void stage(const std::vector<CropDraw>& draws);
  /// x [B,C,H,W] -> the same extents. Differentiable.
  Tensor apply(const Tensor& x) const;

 private:
  Tensor offsets_;  // i32 [B,2]
  Tensor flips_;    // u8 [B]
};

/// Resized boxes of a batch, as matrices that interpolate along rows and columns.
class StagedBoxes {
 public:
  StagedBoxes(dim_t count, const ImageShape& image, const Device& device);
  /// Queues other draws. Throws ShapeError for another number, UsageError for a box that is not within the image.
  void stage(const std::vector<BoxDraw>& draws);
  /// x [B,C,H,W] -> the same extents. Differentiable.
  Tensor apply(const Tensor& x) const;

 private:
  ImageShape image_;
  Tensor rows_;     // [B,H,H]: result row from image row
  Tensor columns_;  // [B,W,W]: result column from image column
};

}  // namespace engram
