#pragma once
/// Extents of one image.

#include <string>

#include "kernels/common/types.h"

namespace engram {

/// [channels, height, width] of an image as networks and data sets have it. The default is CIFAR's, which files of
/// classifiers that do not say otherwise are for.
struct ImageShape {
  dim_t channels = 3;
  dim_t height = 32;
  dim_t width = 32;

  dim_t count() const { return channels * height * width; }
  bool operator==(const ImageShape&) const = default;
};

/// "3x32x32".
std::string to_string(const ImageShape& shape);

/// The inverse of to_string. Throws DataError for any other text, and as check_image_shape.
ImageShape parse_image_shape(const std::string& text);

/// Throws DataError unless there are 1 to 4 channels and 1 to 4096 rows and columns.
void check_image_shape(const ImageShape& shape);

}  // namespace engram
