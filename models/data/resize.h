#pragma once
/// Images in another size.

#include "models/data/dataset.h"

namespace engram {

/// Height and width that images are brought to; 0x0 leaves them as they are stored.
struct ImageSize {
  dim_t height = 0, width = 0;
  bool given() const { return height > 0; }
};

/// The planar image [channels, height, width] resampled to `size`, without keeping the ratio of its sides. Separable
/// triangle filter (linear interpolation), stretched by the ratio of the sizes where the image shrinks, so that fine
/// patterns are averaged and not sampled: the definition of torchvision's antialiased bilinear Resize and of Pillow's
/// BILINEAR. Sums are f32; a byte is the nearest to its value.
std::vector<std::uint8_t> resize_image(const std::uint8_t* image, dim_t channels, dim_t height, dim_t width,
                                       const ImageSize& size);

/// All images of the set in this size, the set itself when they are or when none is given.
ImageDataset resize_images(ImageDataset data, const ImageSize& size);

}  // namespace engram
