#pragma once
/// What makes a network: its name, its classes and the images it takes.

#include <string>
#include <vector>

#include "models/data/image_shape.h"

namespace engram {

/// A classifier to be made.
struct NetworkSpec {
  std::string arch;  ///< the name that make_network takes, for example "resnet18-w32"
  int num_classes = 0;
  ImageShape image = {};
};

/// Extents of one tapped feature map.
struct TapSpec {
  dim_t channels, height, width;
  bool operator==(const TapSpec&) const = default;
};

/// Rows or columns after a 3x3 or 1x1 convolution of this stride, padded to keep the extent at stride 1.
inline dim_t strided_extent(dim_t extent, dim_t stride) {
  return (extent + stride - 1) / stride;
}

}  // namespace engram
