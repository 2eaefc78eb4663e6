#include "models/data/augment.h"

#include <algorithm>
#include <cmath>

#include "engine/sample_random.h"
#include "kernels/common/error.h"

namespace engram {
namespace {

void check_share(const char* what, double value) {
  if (!(value >= 0 && value <= 1)) throw UsageError(message("[augment] expected a ", what, " in [0, 1], got ", value));
}

void check_crop(const ResizedCropOptions& crop, int padding) {
  if (crop.min_area == 0) return;
  if (!(crop.min_area > 0 && crop.min_area <= crop.max_area && crop.max_area <= 1))
    throw UsageError(message("[augment] expected shares of the area with 0 < least <= most <= 1 for random crops, got ",
                             crop.min_area, " and ", crop.max_area));
  if (!(crop.min_ratio > 0 && crop.min_ratio <= crop.max_ratio && std::isfinite(crop.max_ratio)))
    throw UsageError(message("[augment] expected ratios of the sides with 0 < least <= most for random crops, got ",
                             crop.min_ratio, " and ", crop.max_ratio));
  if (padding > 0)
    throw UsageError(message("[augment] expected either padding or random resized crops, got padding ", padding,
                             " and crops; hint: padding 0"));
}

void check_bytes(const AugmentOptions& options, dim_t channels) {
  constexpr int kMostOperations = 16;
  if (!(options.rotation >= 0 && options.rotation <= 180))
    throw UsageError(message("[augment] expected a rotation of 0 to 180 degrees, got ", options.rotation));
  if (options.operations < 0 || options.operations > kMostOperations)
    throw UsageError(
        message("[augment] expected 0..", kMostOperations, " random operations an image, got ", options.operations));
  if (options.operations > 0 && channels != 3)
    throw UsageError(message("[augment] expected images of 3 channels for random operations, got ", channels));
  if (changes_bytes(options) && options.crop.min_area > 0)
    throw UsageError("[augment] expected either random resized crops or rotations and random operations, got both");
}

void check_colors(const AugmentOptions& options, dim_t channels) {
  const ColorJitterOptions& color = options.color;
  for (const double strength : {color.brightness, color.contrast, color.saturation})
    if (!(strength >= 0 && std::isfinite(strength)))
      throw UsageError(message("[augment] expected changes of colour of at least 0, got ", strength));
  if (!(color.hue >= 0 && color.hue <= 0.5))
    throw UsageError(message("[augment] expected a change of hue in [0, 0.5], got ", color.hue));
  check_share("probability of grey images", options.grey_probability);
  if (changes_colors(options) && channels != 3)
    throw UsageError(message("[augment] expected images of 3 channels to change colours, got ", channels));
}

}  // namespace

AugmentOptions standard_augmentation() {
  AugmentOptions options;
  options.padding = 4;
  options.flip_probability = 0.5f;
  return options;
}

bool changes_colors(const AugmentOptions& options) {
  const ColorJitterOptions& color = options.color;
  return color.brightness > 0 || color.contrast > 0 || color.saturation > 0 || color.hue > 0 ||
         options.grey_probability > 0;
}

bool changes_style(const AugmentOptions& options) {
  return options.crop.min_area > 0 || changes_colors(options);
}

bool changes_bytes(const AugmentOptions& options) {
  return options.rotation > 0 || options.operations > 0;
}

void check_augmentation(const AugmentOptions& options, dim_t channels, dim_t height, dim_t width) {
  constexpr int kMaxHoles = 64;
  const dim_t shorter = std::min(height, width);
  if (options.padding < 0 || options.padding >= shorter)
    throw UsageError(message("[augment] expected padding 0..", shorter - 1, " for images of ", height, "x", width,
                             ", got ", options.padding));
  check_share("flip probability", options.flip_probability);
  if (options.cutout < 0 || options.cutout > 2 * std::max(height, width))
    throw UsageError(message("[augment] expected a cutout side 0..", 2 * std::max(height, width), " for images of ",
                             height, "x", width, ", got ", options.cutout));
  if (options.cutout_count < 1 || options.cutout_count > kMaxHoles)
    throw UsageError(
        message("[augment] expected 1..", kMaxHoles, " cutout squares an image, got ", options.cutout_count));
  check_crop(options.crop, options.padding);
  check_colors(options, channels);
  check_bytes(options, channels);
}

}  // namespace engram
