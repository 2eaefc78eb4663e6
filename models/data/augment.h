#pragma once
/// Random changes of training images.

#include "models/data/dataset.h"

namespace engram {

/// What lies outside the image when it is shifted.
enum class PadMode {
  kZero,    ///< black (byte 0), as padding before normalisation gives
  kReflect  ///< mirrored about the border pixels, which are not repeated; needs padding < height and width
};

/// A part of the image, scaled to its size: a random share of its area at a random ratio of the sides (torchvision's
/// RandomResizedCrop, whose defaults of area and ratio are 0.08 to 1 and 3/4 to 4/3; DomainBed takes 0.7 to 1).
struct ResizedCropOptions {
  double min_area = 0, max_area = 1;                ///< shares of the image's area; min_area 0 is off
  double min_ratio = 3.0 / 4, max_ratio = 4.0 / 3;  ///< width by height, uniform in the logarithm
};

/// Random changes of colour, in random order (torchvision's ColorJitter): factors are uniform in [max(0, 1-x), 1+x],
/// the hue's shift in [-hue, hue], in turns of the colour circle.
struct ColorJitterOptions {
  double brightness = 0, contrast = 0, saturation = 0;
  double hue = 0;  ///< at most 0.5
};

/// What is done to each training image. The default does nothing but normalise.
struct AugmentOptions {
  int padding = 0;  ///< shift each axis by a uniform integer in [-padding, padding]: pad + random crop
  PadMode pad_mode = PadMode::kZero;
  float flip_probability = 0;   ///< horizontal flip
  int cutout = 0;               ///< side of the squares set to 0 after normalisation (the mean colour); 0 is off
  int cutout_count = 1;         ///< squares an image
  ResizedCropOptions crop;      ///< not together with padding
  ColorJitterOptions color;     ///< colour images only
  double grey_probability = 0;  ///< the image loses its colours; colour images only
  double rotation = 0;          ///< turned after the move by a uniform angle of up to so many degrees, black outside
  int operations = 0;           ///< then so many random operations (random_operations.h); colour images only
};

/// Crop with zero padding 4 and flip with probability 1/2: the usual CIFAR recipe.
AugmentOptions standard_augmentation();

/// Whether colours are changed.
bool changes_colors(const AugmentOptions& options);
/// Whether images are resampled or their colours changed, so that values are computed instead of looked up.
bool changes_style(const AugmentOptions& options);

/// Whether images are made on the host, byte by byte; not together with random crops.
bool changes_bytes(const AugmentOptions& options);

/// Throws UsageError for options that make no sense, or do not fit images of this size.
void check_augmentation(const AugmentOptions& options, dim_t channels, dim_t height, dim_t width);

/// Squares that cutout erases in each image.
inline dim_t num_holes(const AugmentOptions& options) {
  return options.cutout > 0 ? options.cutout_count : 0;
}

}  // namespace engram
