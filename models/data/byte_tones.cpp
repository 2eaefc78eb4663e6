#include <algorithm>

#include "kernels/common/error.h"
#include "models/data/byte_image.h"

namespace engram {
namespace {

using Table = std::array<std::uint8_t, 256>;
using Histogram = std::array<dim_t, 256>;

Histogram histogram(const std::uint8_t* plane, dim_t pixels) {
  Histogram counts{};
  for (dim_t p = 0; p < pixels; ++p) ++counts[plane[p]];
  return counts;
}

/// Replaces the bytes of each channel by those of the table that `make` gives for its histogram.
template <class Make>
void look_up(ByteImage& image, const Make& make) {
  const dim_t pixels = image.height * image.width;
  for (dim_t c = 0; c < image.channels; ++c) {
    std::uint8_t* const plane = image.plane(c);
    const Table table = make(histogram(plane, pixels));
    for (dim_t p = 0; p < pixels; ++p) plane[p] = table[plane[p]];
  }
}

template <class Value>
Table table_of(const Value& value) {
  Table table;
  for (int v = 0; v < 256; ++v) table[std::size_t(v)] = std::uint8_t(value(v));
  return table;
}

int first_of(const Histogram& counts) {
  return int(std::find_if(counts.begin(), counts.end(), [](dim_t n) { return n > 0; }) - counts.begin());
}

int last_of(const Histogram& counts) {
  return 255 - int(std::find_if(counts.rbegin(), counts.rend(), [](dim_t n) { return n > 0; }) - counts.rbegin());
}

/// In f32 and cut off, as Pillow's.
std::uint8_t blended(int other, int v, float factor) {
  return std::uint8_t(float(other) + factor * float(v - other));
}

/// ITU-R 601 in 1/65536.
int grey_at(const ByteImage& image, dim_t p) {
  return (image.plane(0)[p] * 19595 + image.plane(1)[p] * 38470 + image.plane(2)[p] * 7471 + 0x8000) >> 16;
}

void check_colors(const char* op, const ByteImage& image) {
  if (image.channels != 3) throw ShapeError(message("[", op, "] expected 3 channels, got ", image.channels));
}

}  // namespace

void stretch_contrast(ByteImage& image) {
  look_up(image, [](const Histogram& counts) {
    const int low = first_of(counts), high = last_of(counts);
    if (high <= low) return table_of([](int v) { return v; });
    const double scale = 255.0 / (high - low), offset = -low * scale;
    return table_of([&](int v) { return std::clamp(int(v * scale + offset), 0, 255); });
  });
}

void equalize(ByteImage& image) {
  look_up(image, [&](const Histogram& counts) {
    // The largest byte that occurs becomes 255, whatever the others are.
    const dim_t step = (image.height * image.width - counts[std::size_t(last_of(counts))]) / 255;
    dim_t below = step / 2;
    return table_of([&](int v) {
      if (step == 0) return dim_t(v);
      const dim_t level = std::min<dim_t>(below / step, 255);
      below += counts[std::size_t(v)];
      return level;
    });
  });
}

void posterize(ByteImage& image, int bits) {
  look_up(image, [&](const Histogram&) { return table_of([&](int v) { return v & ~((1 << (8 - bits)) - 1); }); });
}

void solarize(ByteImage& image, double threshold) {
  look_up(image, [&](const Histogram&) { return table_of([&](int v) { return v < threshold ? v : 255 - v; }); });
}

void scale_brightness(ByteImage& image, double factor) {
  for (std::uint8_t& v : image.pixels) v = blended(0, v, float(factor));
}

void scale_contrast(ByteImage& image, double factor) {
  check_colors("scale_contrast", image);
  const dim_t pixels = image.height * image.width;
  dim_t sum = 0;
  for (dim_t p = 0; p < pixels; ++p) sum += grey_at(image, p);
  const int mean = int(double(sum) / double(pixels) + 0.5);
  for (std::uint8_t& v : image.pixels) v = blended(mean, v, float(factor));
}

void scale_color(ByteImage& image, double factor) {
  check_colors("scale_color", image);
  for (dim_t p = 0; p < image.height * image.width; ++p) {
    const int grey = grey_at(image, p);
    for (dim_t c = 0; c < 3; ++c) image.plane(c)[p] = blended(grey, image.plane(c)[p], float(factor));
  }
}

void scale_sharpness(ByteImage& image, double factor) {
  const ByteImage sharp = image;
  const dim_t h = image.height, w = image.width;
  for (dim_t c = 0; c < image.channels; ++c)
    for (dim_t y = 1; y + 1 < h; ++y)
      for (dim_t x = 1; x + 1 < w; ++x) {
        const std::uint8_t* const middle = sharp.plane(c) + y * w + x;
        int sum = 4 * middle[0];
        for (dim_t dy = -1; dy <= 1; ++dy)
          for (dim_t dx = -1; dx <= 1; ++dx) sum += middle[dy * w + dx];
        image.plane(c)[y * w + x] = blended((2 * sum + 13) / 26, middle[0], float(factor));
      }
}

}  // namespace engram
