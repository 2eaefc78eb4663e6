/// The colour map is even, and pictures hold what was drawn.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "apps/common/canvas.h"
#include "apps/common/heat_colors.h"
#include "apps/common/pixel_font.h"

namespace engram::apps {
namespace {

/// Lightness and axes of colour (Ottosson 2020) of a displayed colour.
std::array<double, 3> oklab(const Rgb& color) {
  double linear[3];
  for (int i = 0; i < 3; ++i) {
    const double v = color[std::size_t(i)] / 255.0;
    linear[i] = v <= 0.04045 ? v / 12.92 : std::pow((v + 0.055) / 1.055, 2.4);
  }
  const double l = std::cbrt(0.4122214708 * linear[0] + 0.5363325363 * linear[1] + 0.0514459929 * linear[2]);
  const double m = std::cbrt(0.2119034982 * linear[0] + 0.6806995451 * linear[1] + 0.1073969566 * linear[2]);
  const double s = std::cbrt(0.0883024619 * linear[0] + 0.2817188376 * linear[1] + 0.6299787005 * linear[2]);
  return {0.2104542553 * l + 0.7936177850 * m - 0.0040720468 * s,
          1.9779984951 * l - 2.4285922050 * m + 0.4505937099 * s,
          0.0259040371 * l + 0.7827717662 * m - 0.8086757660 * s};
}

TEST(HeatColors, EqualStepsLookEqual) {
  std::vector<double> distances;
  double lightness = -1;
  constexpr int kSteps = 17;  // of 15 of the table's 255
  for (int i = 0; i < kSteps; ++i) {
    const auto from = oklab(heat_color(double(i) / kSteps)), to = oklab(heat_color(double(i + 1) / kSteps));
    distances.push_back(std::hypot(to[0] - from[0], to[1] - from[1], to[2] - from[2]));
    EXPECT_GT(from[0], lightness);
    lightness = from[0];
  }
  const auto [least, most] = std::ranges::minmax(distances);
  EXPECT_LT(most, 1.15 * least);  // colours are rounded to bytes
  EXPECT_EQ(heat_color(-1), heat_color(0));
  EXPECT_EQ(heat_color(2), heat_color(1));
  EXPECT_EQ(heat_color(NAN), (Rgb{128, 128, 128}));
}

Rgb pixel(const io::Image& image, dim_t x, dim_t y) {
  const std::uint8_t* p = image.pixels.data() + (y * image.width + x) * 3;
  return {p[0], p[1], p[2]};
}

TEST(Canvas, CutsOffWhatLeavesIt) {
  Canvas canvas(4, 3);
  canvas.fill(2, 1, 10, 10, {1, 2, 3});
  canvas.line(-5, 0, 20, 0, {9, 9, 9});
  canvas.text_upwards(100, 100, "abc");
  EXPECT_EQ(pixel(canvas.picture(), 3, 2), (Rgb{1, 2, 3}));
  EXPECT_EQ(pixel(canvas.picture(), 1, 1), (Rgb{255, 255, 255}));
  EXPECT_EQ(pixel(canvas.picture(), 0, 0), (Rgb{9, 9, 9}));
}

TEST(PixelFont, DrawsSignsAsThemselves) {
  const auto drawn = [](const std::string& text) {
    io::Image image{8, 8, 3, std::vector<std::uint8_t>(192, 255)};
    draw_text(image, 0, 0, text, 0);
    return image.pixels;
  };
  for (const char* sign : {"+", "%", "-", ".", "/", "0", "A", "_", "z"}) EXPECT_NE(drawn(sign), drawn("?")) << sign;
  EXPECT_EQ(drawn("~"), drawn("?"));  // one that it has not
}

TEST(Canvas, MatricesHaveTheColoursOfTheirValues) {
  const io::Image picture = matrix_picture({{0, 1}, {0.5, NAN}}, {"a", "b"}, {"c", "d"}, 0, 1);
  for (const double value : {0.0, 1.0, 0.5, double(NAN)}) {
    bool found = false;
    for (dim_t y = 0; y < picture.height; ++y)
      for (dim_t x = 0; x < picture.width; ++x) found = found || pixel(picture, x, y) == heat_color(value);
    EXPECT_TRUE(found) << value;
  }
}

TEST(Canvas, APointWithoutNeighboursIsAMarker) {
  const auto drawn = [](const std::vector<ChartPoint>& points) {
    const io::Image with = line_picture("t", {{"s", points}}),
                    without = line_picture("t", {{"s", {{1, NAN}, {3, NAN}}}});
    EXPECT_EQ(with.pixels.size(), without.pixels.size());
    // The line's colour, of the key below the chart, without the key's own pixels.
    const auto count = [](const io::Image& image) {
      const std::size_t key = std::size_t(((image.height - 12 - kLetterHeight - 4 + 3) * image.width + 64 + 2) * 3);
      int same = 0;
      for (std::size_t p = 0; p < image.pixels.size(); p += 3)
        same += std::equal(&image.pixels[p], &image.pixels[p] + 3, &image.pixels[key]);
      return same;
    };
    return count(with) - count(without);
  };
  EXPECT_EQ(drawn({{2, 5}}), 49);
  EXPECT_EQ(drawn({{1, 5}, {2, NAN}, {3, 5}}), 2 * 49);
}

TEST(Canvas, LinesWithoutNumbersLeaveEmptyAxes) {
  EXPECT_GT(line_picture("nothing", {{"empty", {}}, {"not a number", {{1, NAN}}}}).width, 0);
}

}  // namespace
}  // namespace engram::apps
