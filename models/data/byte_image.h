#pragma once
/// Changes of one image of bytes in place, with the integer arithmetic of Pillow, so that images are those that
/// programs of torchvision make.

#include <array>
#include <cstdint>
#include <vector>

#include "engine/tensor.h"

namespace engram {

/// Planar bytes [channels,height,width].
struct ByteImage {
  std::vector<std::uint8_t> pixels;
  dim_t channels = 0, height = 0, width = 0;

  std::uint8_t* plane(dim_t c) { return pixels.data() + c * height * width; }
  const std::uint8_t* plane(dim_t c) const { return pixels.data() + c * height * width; }
};

// --- Geometry: nearest pixel, black outside. Places are taken in steps of 1/65536 pixel, as Pillow does.

/// Result pixel (x, y) comes from (m0 x + m1 y + m2, m3 x + m4 y + m5), both of pixel centres.
void transform(ByteImage& image, const std::array<double, 6>& m);
/// Turns about the middle, by degrees against the clock.
void rotate(ByteImage& image, double degrees);

// --- Tones. All of them need a byte's channel or pixel only, but for the sharpness.

/// Stretches each channel so that its least byte becomes 0 and its largest 255.
void stretch_contrast(ByteImage& image);
/// Makes the histogram of each channel as even as it can be.
void equalize(ByteImage& image);
/// Keeps the `bits` most significant bits, 1 to 8.
void posterize(ByteImage& image, int bits);
/// Inverts bytes of at least `threshold`.
void solarize(ByteImage& image, double threshold);
/// factor of the image and the rest of another one, 0 <= factor <= 1: of black; of its mean grey; of its grey (three
/// channels each); of the image smoothed by a 3x3 filter.
void scale_brightness(ByteImage& image, double factor);
void scale_contrast(ByteImage& image, double factor);
void scale_color(ByteImage& image, double factor);
void scale_sharpness(ByteImage& image, double factor);

}  // namespace engram
