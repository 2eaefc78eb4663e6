/// Network input from stored bytes: moves, crops, colours, holes and labels against plain loops in double.

#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "kernels/image_batch/image_batch.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::poisoned;
using testing::random_values;

constexpr dim_t kStored = 5, kHoles = 2;

/// A set of random bytes and the draws of a batch of it.
struct BatchProblem {
  BatchProblem(dim_t n, dim_t c, dim_t h, dim_t w, bool reflect, bool planar = true)
      : y_shape{n, c, h, w, planar ? 1 : c},
        bytes(std::size_t(kStored * c * h * w)),
        values(random_values(c * 256, 2)),
        mean(random_values(c, 3, 0.2f, 0.6f)),
        deviation(random_values(c, 4, 0.2f, 0.5f)),
        y(poisoned(y_shape.count())),
        y_labels(std::size_t(2 * n), -7),
        reflect(reflect) {
    for (std::uint8_t& b : bytes) b = std::uint8_t(random() & 255);
    for (dim_t i = 0; i < 2 * kStored; ++i) labels.push_back(std::int32_t(i * 3));
    for (dim_t i = 0; i < n; ++i) {
      sources.push_back({below(kStored), below(5) - 2, below(5) - 2, below(2)});
      const int top = below(int(h)), left = below(int(w));
      holes.push_back({top, left, std::min(top + 3, int(h)), std::min(left + 2, int(w))});
      holes.push_back({});
    }
  }

  int below(int bound) { return int(random() % unsigned(bound)); }
  ImageSetView view() const {
    return {bytes.data(), labels.data(), kStored, y_shape.c, y_shape.h, y_shape.w, 2, reflect};
  }
  GatherImagesArgs gather_args() {
    return {view(), sources.data(), holes.data(), kHoles, values.data(), y_shape, y.data(), y_labels.data()};
  }
  StyleImagesArgs style_args(const std::vector<ImageStyle>& styles, bool colours) {
    return {view(),      sources.data(),   styles.data(), holes.data(), kHoles,         colours,
            mean.data(), deviation.data(), y_shape,       y.data(),     y_labels.data()};
  }
  /// The result in planar order.
  std::vector<float> planar() const {
    std::vector<float> out(y.size());
    const dim_t c = y_shape.c, pixels = y_shape.pixels();
    for (dim_t n = 0; n < y_shape.n; ++n)
      for (dim_t k = 0; k < c; ++k)
        for (dim_t p = 0; p < pixels; ++p)
          out[std::size_t((n * c + k) * pixels + p)] =
              y[std::size_t(y_shape.block == 1 ? (n * c + k) * pixels + p : (n * pixels + p) * c + k)];
    return out;
  }
  void expect_labels() const {
    for (dim_t set = 0; set < 2; ++set)
      for (dim_t i = 0; i < y_shape.n; ++i)
        EXPECT_EQ(y_labels[std::size_t(set * y_shape.n + i)],
                  labels[std::size_t(set * kStored + sources[std::size_t(i)].index)]);
  }

  std::mt19937 random{1};
  ActivationShape y_shape;
  std::vector<std::uint8_t> bytes;
  std::vector<std::int32_t> labels;
  std::vector<ImageSource> sources;
  std::vector<ImageHole> holes;
  std::vector<float> values, mean, deviation, y;
  std::vector<std::int32_t> y_labels;
  bool reflect;
};

TEST(GatherImages, MovesMirrorsAndErases) {
  const std::vector<std::uint8_t> bytes = {1, 2, 3, 4, 5, 6};  // 2 x 3
  std::vector<float> values(256), y(6);
  for (int v = 0; v < 256; ++v) values[std::size_t(v)] = float(v) + 100;
  const auto gather = [&](const ImageSource& source, const ImageHole& hole, bool reflect) {
    const ImageSetView set = {bytes.data(), nullptr, 1, 1, 2, 3, 0, reflect};
    backend_under_test().image_batch.gather({}, {set, &source, &hole, 1, values.data(), {1, 1, 2, 3, 1}, y.data(), {}});
    return y;
  };
  EXPECT_EQ(gather({0, 0, 1, 0}, {}, false), (std::vector<float>{102, 103, 100, 105, 106, 100}));
  EXPECT_EQ(gather({0, 1, 0, 0}, {}, false), (std::vector<float>{104, 105, 106, 100, 100, 100}));
  EXPECT_EQ(gather({0, 0, 1, 1}, {}, false), (std::vector<float>{100, 103, 102, 100, 106, 105}));
  EXPECT_EQ(gather({0, -1, -2, 0}, {}, true), (std::vector<float>{106, 105, 104, 103, 102, 101}));
  EXPECT_EQ(gather({}, {0, 1, 2, 2}, false), (std::vector<float>{101, 0, 103, 104, 0, 106}));
}

TEST(GatherImages, AnIndexOutsideTheSetShowsAsNotANumber) {
  for (const std::int32_t wrong : {-1, int(kStored), 1 << 30}) {
    BatchProblem problem(3, 3, 5, 4, false);
    problem.sources[1].index = wrong;
    backend_under_test().image_batch.gather({}, problem.gather_args());
    EXPECT_EQ(problem.y_labels[1], -1);
    for (dim_t i = 0; i < 60; ++i) {
      EXPECT_TRUE(std::isfinite(problem.y[std::size_t(i)]));
      EXPECT_TRUE(std::isnan(problem.y[std::size_t(60 + i)]));
    }
    const std::vector<ImageStyle> styles(3, {0, 0, 5, 4});
    backend_under_test().image_batch.style({}, problem.style_args(styles, true));
    EXPECT_EQ(problem.y_labels[1], -1);
    EXPECT_TRUE(std::isnan(problem.y[60]) && std::isnan(problem.y[119]) && std::isfinite(problem.y[120]));
  }
}

/// Crops within, beyond and larger than the image, and every order of changes.
std::vector<ImageStyle> styles_of(BatchProblem& problem, bool identity_colours) {
  std::vector<ImageStyle> styles;
  const int h = int(problem.y_shape.h), w = int(problem.y_shape.w);
  const int orders[] = {0x3210, 0x0123, 0x1032, 0x2301, 0x0231, 0x3102, 0x1320};
  for (dim_t i = 0; i < problem.y_shape.n; ++i) {
    ImageStyle style;
    style.height = 1 + problem.below(h);
    style.width = 1 + problem.below(w);
    style.top = problem.below(h) - 2;
    style.left = problem.below(w) - 2;
    if (i == 0) style = {-1, -2, 2 * h, 2 * w - 1};  // antialiased
    if (i == 1) style = {0, 0, h, w};
    if (!identity_colours) {
      style.brightness = 0.5f + 0.1f * float(i);
      style.contrast = 1.6f - 0.1f * float(i);
      style.saturation = 0.3f * float(i);
      style.hue = -0.5f + 0.15f * float(i);
      style.order = orders[i % 7];
      style.grey = i == 5;
    }
    styles.push_back(style);
  }
  return styles;
}

TEST(StyleImages, MatchesReference) {
  for (const dim_t c : {1, 3, 4})
    for (const auto& [h, w] : {std::pair<dim_t, dim_t>{3, 3}, {9, 6}, {33, 20}})
      for (const bool reflect : {false, true})
        for (const bool planar : {true, false})
          for (const bool colours : {false, true}) {
            if (colours && c != 3) continue;
            BatchProblem problem(8, c, h, w, reflect, planar);
            const auto styles = styles_of(problem, !colours);
            const StyleImagesArgs args = problem.style_args(styles, colours);
            backend_under_test().image_batch.style({}, args);
            std::vector<double> expected(problem.y.size());
            reference::style_images(args, expected.data());
            const std::vector<float> got = problem.planar();
            for (std::size_t i = 0; i < got.size(); ++i)
              ASSERT_NEAR(got[i], expected[i], 1e-4)
                  << c << "x" << h << "x" << w << " colours " << colours << " image " << dim_t(i) / (c * h * w);
            problem.expect_labels();
          }
}

TEST(StyleImages, TheWholeImageWithoutChangesIsTheGatheredOne) {
  BatchProblem problem(6, 3, 12, 9, false);
  for (ImageSource& source : problem.sources) source.dy = source.dx = 0;
  for (dim_t c = 0; c < 3; ++c)
    for (int v = 0; v < 256; ++v)
      problem.values[std::size_t(c * 256 + v)] =
          (float(v) / 255 - problem.mean[std::size_t(c)]) / problem.deviation[std::size_t(c)];
  backend_under_test().image_batch.gather({}, problem.gather_args());
  const std::vector<float> gathered = problem.y;
  const std::vector<ImageStyle> styles(6, {0, 0, 12, 9});
  backend_under_test().image_batch.style({}, problem.style_args(styles, true));
  for (std::size_t i = 0; i < gathered.size(); ++i) ASSERT_NEAR(problem.y[i], gathered[i], 2e-6);
}

/// Values from torchvision's definitions, worked out by hand for one pixel of (0.8, 0.4, 0.2).
TEST(StyleImages, ColoursOfOnePixel) {
  const std::vector<std::uint8_t> bytes = {204, 102, 51};
  const float zero[3] = {0, 0, 0}, one[3] = {1, 1, 1};
  const ImageSource source;
  const auto styled = [&](ImageStyle style) {
    style.height = style.width = 1;
    std::vector<float> y(3);
    const ImageSetView set = {bytes.data(), nullptr, 1, 3, 1, 1, 0, false};
    backend_under_test().image_batch.style(
        {}, {set, &source, &style, nullptr, 0, true, zero, one, {1, 3, 1, 1, 1}, y.data(), {}});
    return y;
  };
  const auto expect = [](const std::vector<float>& got, float r, float g, float b) {
    EXPECT_NEAR(got[0], r, 1e-6);
    EXPECT_NEAR(got[1], g, 1e-6);
    EXPECT_NEAR(got[2], b, 1e-6);
  };
  const float grey = 0.2989f * 0.8f + 0.587f * 0.4f + 0.114f * 0.2f;
  ImageStyle style;
  style.brightness = 1.5f;
  expect(styled(style), 1, 0.6f, 0.3f);
  style = {};
  style.contrast = 0.5f;
  expect(styled(style), 0.4f + grey / 2, 0.2f + grey / 2, 0.1f + grey / 2);
  style = {};
  style.saturation = 0;
  expect(styled(style), grey, grey, grey);
  style = {};
  style.hue = 1.f / 3;  // red becomes green
  expect(styled(style), 0.2f, 0.8f, 0.4f);
  style = {};
  style.grey = 1;
  expect(styled(style), grey, grey, grey);
}

}  // namespace
}  // namespace engram::kernels
