#include <cmath>
#include <numbers>
#include <utility>

#include "models/data/byte_image.h"

namespace engram {
namespace {

constexpr int kFractionBits = 16;

std::int64_t fixed(double v) {
  return std::int64_t(std::floor(v * double(1 << kFractionBits) + 0.5));
}

/// Rounded to 15 decimals, which makes the sine of half a turn 0.
double rounded(double v) {
  return std::round(v * 1e15) / 1e15;
}

}  // namespace

void transform(ByteImage& image, const std::array<double, 6>& m) {
  const std::vector<std::uint8_t> from = std::exchange(image.pixels, std::vector<std::uint8_t>(image.pixels.size()));
  const dim_t h = image.height, w = image.width;
  // Centres of pixels lie at halves.
  std::int64_t row_x = fixed(m[2] + m[0] * 0.5 + m[1] * 0.5), row_y = fixed(m[5] + m[3] * 0.5 + m[4] * 0.5);
  for (dim_t y = 0; y < h; ++y, row_x += fixed(m[1]), row_y += fixed(m[4])) {
    std::int64_t at_x = row_x, at_y = row_y;
    for (dim_t x = 0; x < w; ++x, at_x += fixed(m[0]), at_y += fixed(m[3])) {
      const std::int64_t from_x = at_x >> kFractionBits, from_y = at_y >> kFractionBits;
      if (from_x < 0 || from_x >= w || from_y < 0 || from_y >= h) continue;
      for (dim_t c = 0; c < image.channels; ++c)
        image.plane(c)[y * w + x] = from[std::size_t((c * h + from_y) * w + from_x)];
    }
  }
}

void rotate(ByteImage& image, double degrees) {
  const double angle = -degrees * std::numbers::pi / 180;
  const double cosine = rounded(std::cos(angle)), sine = rounded(std::sin(angle));
  const double x = double(image.width) / 2, y = double(image.height) / 2;
  transform(image, {cosine, sine, x - cosine * x - sine * y, -sine, cosine, y + sine * x - cosine * y});
}

}  // namespace engram
