#include "models/data/random_operations.h"

#include <algorithm>

namespace engram {
namespace {

/// An operation with the range of its magnitude.
struct Operation {
  double low, high;
  void (*apply)(ByteImage& image, double magnitude);
};

constexpr Operation kOperations[] = {
    {0, 1, [](ByteImage& image, double) { stretch_contrast(image); }},
    {0.05, 0.95, scale_brightness},
    {0.05, 0.95, scale_color},
    {0.05, 0.95, scale_contrast},
    {0, 1, [](ByteImage& image, double) { equalize(image); }},
    {0, 1, [](ByteImage&, double) {}},
    {4, 8, [](ByteImage& image, double v) { posterize(image, int(v)); }},
    {-30, 30, rotate},
    {0.05, 0.95, scale_sharpness},
    {-0.3, 0.3,
     [](ByteImage& image, double v) {
       transform(image, {1, v, 0, 0, 1, 0});
     }},
    {-0.3, 0.3,
     [](ByteImage& image, double v) {
       transform(image, {1, 0, 0, v, 1, 0});
     }},
    {0, 256, solarize},
    {-0.3, 0.3,
     [](ByteImage& image, double v) {
       transform(image, {1, 0, v * double(image.width), 0, 1, 0});
     }},
    {-0.3, 0.3,
     [](ByteImage& image, double v) {
       transform(image, {1, 0, 0, 0, 1, v * double(image.height)});
     }},
};

/// Its last row and column are within the side: it is a pixel larger than `side` says, as in the released code.
void blank_square(ByteImage& image, double side, double center_x, double center_y) {
  constexpr std::uint8_t kGrey[] = {125, 123, 114};
  const dim_t left = dim_t(std::max(0.0, center_x - side / 2)), top = dim_t(std::max(0.0, center_y - side / 2));
  const dim_t right = std::min(image.width - 1, dim_t(double(left) + side)),
              bottom = std::min(image.height - 1, dim_t(double(top) + side));
  for (dim_t c = 0; c < image.channels; ++c)
    for (dim_t y = top; y <= bottom; ++y)
      std::fill(image.plane(c) + y * image.width + left, image.plane(c) + y * image.width + right + 1, kGrey[c]);
}

}  // namespace

void apply_random_operations(ByteImage& image, int count, SampleRandom& random) {
  if (image.channels != 3) throw ShapeError(message("[random_operations] expected 3 channels, got ", image.channels));
  for (int i = 0; i < count; ++i) {
    const Operation& operation = kOperations[random.below(std::size(kOperations))];
    operation.apply(image, operation.low + (operation.high - operation.low) * double(random.uniform()));
  }
  const double side = 0.5 * double(random.uniform()) * double(image.width);
  const double x = double(random.uniform()) * double(image.width), y = double(random.uniform()) * double(image.height);
  if (side > 0) blank_square(image, side, x, y);
}

}  // namespace engram
