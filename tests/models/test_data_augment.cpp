/// Draws of the augmentation: their distributions, and independence of everything but (seed, epoch, sample).

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <set>

#include "engine/sample_random.h"
#include "kernels/common/error.h"
#include "models/data/augment_draw.h"
#include "tests/support/expect_error.h"

namespace engram {
namespace {

using kernels::ImageHole;
using kernels::ImageSource;
using kernels::ImageStyle;

/// The move of a sample of 32x32 pixels, and its first square.
struct Draw {
  ImageSource source;
  ImageHole hole;
};

Draw draw(const AugmentOptions& options, std::uint64_t seed, dim_t epoch, dim_t index) {
  std::vector<ImageHole> holes(std::size_t(num_holes(options)));
  const ImageSource source = draw_move(options, seed, epoch, index, 32, 32, holes);
  return {source, holes.empty() ? ImageHole{} : holes[0]};
}

TEST(Augment, WithoutOptionsNothingIsDrawn) {
  const AugmentOptions options;
  const ImageSource source = draw(options, 1, 2, 3).source;
  EXPECT_EQ(source.index, 3);
  EXPECT_EQ(source.dy, 0);
  EXPECT_EQ(source.dx, 0);
  EXPECT_EQ(source.flip, 0);
  EXPECT_EQ(num_holes(options), 0);
  EXPECT_FALSE(changes_style(options));
  const ImageStyle style = draw_style(options, 1, 2, 3, 20, 30, source);
  EXPECT_EQ(style.top, 0);
  EXPECT_EQ(style.height, 20);
  EXPECT_EQ(style.width, 30);
  EXPECT_EQ(style.contrast, 1);
}

TEST(Augment, DrawsAreUniformAndDependOnSeedEpochAndSample) {
  AugmentOptions options = standard_augmentation();
  options.cutout = 8;
  std::array<int, 9> dy{}, dx{};
  int flips = 0;
  constexpr int kDraws = 9000;
  for (int i = 0; i < kDraws; ++i) {
    const auto [source, hole] = draw(options, 7, 1, i);
    ASSERT_LE(std::abs(source.dy), 4);
    ASSERT_LE(std::abs(source.dx), 4);
    ++dy[std::size_t(source.dy + 4)];
    ++dx[std::size_t(source.dx + 4)];
    flips += source.flip;
    ASSERT_GE(hole.top, 0);
    ASSERT_LE(hole.bottom, 32);
    ASSERT_GE(hole.bottom - hole.top, 4);
    ASSERT_LE(hole.right - hole.left, 8);
  }
  // Five standard deviations of a binomial count.
  for (int shift = 0; shift < 9; ++shift) {
    EXPECT_NEAR(dy[shift], kDraws / 9.0, 5 * std::sqrt(kDraws * 8.0 / 81));
    EXPECT_NEAR(dx[shift], kDraws / 9.0, 5 * std::sqrt(kDraws * 8.0 / 81));
  }
  EXPECT_NEAR(flips, kDraws / 2.0, 5 * std::sqrt(kDraws / 4.0));

  const auto as_tuple = [](const Draw& d) {
    return std::array<int, 4>{d.source.dy, d.source.dx, d.source.flip, d.hole.top};
  };
  std::set<std::array<int, 4>> different;
  for (int k = 0; k < 8; ++k) {
    different.insert(as_tuple(draw(options, k, 0, 0)));
    different.insert(as_tuple(draw(options, 0, k, 0)));
    different.insert(as_tuple(draw(options, 0, 0, k)));
  }
  EXPECT_GT(different.size(), 15u);
}

TEST(Augment, SwitchingOneKindOnLeavesTheOthers) {
  AugmentOptions with = standard_augmentation(), without = standard_augmentation();
  with.cutout = 16;
  for (int i = 0; i < 50; ++i) {
    const Draw a = draw(with, 3, 0, i), b = draw(without, 3, 0, i);
    EXPECT_EQ(a.source.dy, b.source.dy);
    EXPECT_EQ(a.source.dx, b.source.dx);
    EXPECT_EQ(a.source.flip, b.source.flip);
    with.cutout_count = 1 + i % 3;
    EXPECT_EQ(draw(with, 3, 0, i).hole.top, a.hole.top);
  }
  AugmentOptions cropped, colored;
  cropped.crop.min_area = 0.08;
  cropped.color.hue = 0.1;
  colored.color = {0.3, 0.3, 0.3, 0.1};
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(draw_style(cropped, 3, 0, i, 32, 32, {}).hue, draw_style(colored, 3, 0, i, 32, 32, {}).hue);
    EXPECT_EQ(draw_style(colored, 3, 0, i, 32, 32, {}).height, 32);
  }
}

/// The published draws of a random crop: shares of the area and ratios of the sides within their bounds.
TEST(Augment, CropsKeepAreaAndRatioAndStayInside) {
  AugmentOptions options;
  options.crop = {0.3, 0.9, 0.5, 2};
  double area = 0, log_ratio = 0;
  constexpr int kDraws = 4000;
  for (int i = 0; i < kDraws; ++i) {
    const ImageStyle style = draw_style(options, 1, 0, i, 200, 240, {});
    ASSERT_GE(style.top, 0);
    ASSERT_GE(style.left, 0);
    ASSERT_LE(style.top + style.height, 200);
    ASSERT_LE(style.left + style.width, 240);
    const double share = double(style.height) * style.width / (200 * 240), ratio = double(style.width) / style.height;
    ASSERT_GE(share, 0.29);
    ASSERT_LE(share, 0.91);
    ASSERT_GE(ratio, 0.49);
    ASSERT_LE(ratio, 2.03);
    area += share / kDraws;
    log_ratio += std::log(ratio) / kDraws;
  }
  EXPECT_NEAR(area, 0.53, 0.03);  // less than the middle of 0.6: large crops of extreme ratios do not fit
  EXPECT_NEAR(log_ratio, 0.09, 0.05);
  options.crop = {1, 1, 3, 3};  // never fits: the middle, as wide as the image
  const ImageStyle middle = draw_style(options, 1, 0, 0, 90, 90, {});
  EXPECT_EQ(middle.width, 90);
  EXPECT_EQ(middle.height, 30);
  EXPECT_EQ(middle.top, 30);
}

TEST(Augment, ColoursStayWithinTheirBoundsInEveryOrder) {
  AugmentOptions options;
  options.color = {0.2, 1.5, 0.3, 0.1};
  options.grey_probability = 0.25;
  std::set<int> orders;
  int grey = 0;
  for (int i = 0; i < 2000; ++i) {
    const ImageStyle style = draw_style(options, 1, 0, i, 8, 8, {});
    ASSERT_NEAR(style.brightness, 1, 0.2001);
    ASSERT_GE(style.contrast, 0);
    ASSERT_LE(style.contrast, 2.5);
    ASSERT_NEAR(style.saturation, 1, 0.3001);
    ASSERT_NEAR(style.hue, 0, 0.1001);
    orders.insert(style.order);
    grey += style.grey;
  }
  EXPECT_EQ(orders.size(), 24u);
  EXPECT_NEAR(grey, 500, 5 * std::sqrt(2000 * 0.1875));
}

TEST(Augment, OptionsThatMakeNoSenseAreRefused) {
  AugmentOptions options;
  options.padding = -1;
  EXPECT_ERROR(check_augmentation(options, 3, 32, 32), UsageError, "padding");
  options.padding = 32;
  EXPECT_ERROR(check_augmentation(options, 3, 32, 40), UsageError, "got 32");
  options = {};
  options.flip_probability = std::nanf("");
  EXPECT_ERROR(check_augmentation(options, 3, 32, 32), UsageError, "flip");
  options = {};
  options.cutout = 65;
  EXPECT_ERROR(check_augmentation(options, 3, 32, 32), UsageError, "cutout");
  options = {};
  options.cutout_count = 0;
  EXPECT_ERROR(check_augmentation(options, 3, 32, 32), UsageError, "cutout squares");
  options = {};
  options.crop.min_area = 0.5;
  options.padding = 4;
  EXPECT_ERROR(check_augmentation(options, 3, 32, 32), UsageError, "either padding or random resized crops");
  options.padding = 0;
  options.crop.max_area = 0.4;
  EXPECT_ERROR(check_augmentation(options, 3, 32, 32), UsageError, "got 0.5 and 0.4");
  options = {};
  options.crop = {0.5, 1, 2, 1};
  EXPECT_ERROR(check_augmentation(options, 3, 32, 32), UsageError, "ratios");
  options = {};
  options.color.hue = 0.6;
  EXPECT_ERROR(check_augmentation(options, 3, 32, 32), UsageError, "hue");
  options.color.hue = 0.1;
  EXPECT_ERROR(check_augmentation(options, 1, 28, 28), UsageError, "3 channels to change colours, got 1");
}

TEST(SampleRandom, BelowCoversItsRangeEvenly) {
  SampleRandom random(5, RandomPurpose::kShuffle, 0, 0);
  std::array<int, 7> counts{};
  for (int i = 0; i < 70000; ++i) ++counts[random.below(7)];
  for (int count : counts) EXPECT_NEAR(count, 10000, 5 * std::sqrt(70000 * 6.0 / 49));
  EXPECT_EQ(random.below(1), 0);
}

}  // namespace
}  // namespace engram
