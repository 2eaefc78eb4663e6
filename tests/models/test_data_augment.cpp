/// Augmentation against plain index formulas, and independence of everything but (seed, epoch, sample).

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <set>

#include "engine/sample_random.h"
#include "kernels/common/error.h"
#include "models/data/augment.h"
#include "tests/support/expect_error.h"

namespace engram {
namespace {

constexpr dim_t kC = 3, kH = 7, kW = 5;
const Normalization kNormalization{{0.5f, 0.25f, 0.1f}, {0.2f, 0.3f, 0.4f}};

std::vector<std::uint8_t> test_image() {
  std::vector<std::uint8_t> image(kC * kH * kW);
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<std::uint8_t>(40 + i * 73);
  return image;
}

float normalized(int byte, dim_t c) {
  return static_cast<float>((byte / 255.0 - kNormalization.mean[c]) / kNormalization.std[c]);
}

// The definition, pixel by pixel.
float expected(const std::vector<std::uint8_t>& image, const AugmentDraw& d, PadMode mode, dim_t c, dim_t y, dim_t x) {
  if (y >= d.cut_top && y < d.cut_bottom && x >= d.cut_left && x < d.cut_right) return 0.0f;
  dim_t sy = y + d.dy, sx = (d.flip ? kW - 1 - x : x) + d.dx;
  if (mode == PadMode::kReflect) {
    if (sy < 0) sy = -sy;
    if (sy >= kH) sy = 2 * (kH - 1) - sy;
    if (sx < 0) sx = -sx;
    if (sx >= kW) sx = 2 * (kW - 1) - sx;
  } else if (sy < 0 || sy >= kH || sx < 0 || sx >= kW) {
    return normalized(0, c);
  }
  return normalized(image[(c * kH + sy) * kW + sx], c);
}

TEST(Augment, EveryShiftFlipAndPadModeMeetsTheDefinition) {
  const auto image = test_image();
  const NormalizationTable table(kNormalization);
  for (PadMode mode : {PadMode::kZero, PadMode::kReflect}) {
    for (int dy = -4; dy <= 4; ++dy) {
      for (int dx = -4; dx <= 4; ++dx) {
        for (bool flip : {false, true}) {
          AugmentDraw draw;
          draw.dy = dy;
          draw.dx = dx;
          draw.flip = flip;
          draw.cut_top = 2;
          draw.cut_bottom = 4;
          draw.cut_left = 0;
          draw.cut_right = 2;
          std::vector<float> out(image.size(), std::nanf(""));
          augment_image(image.data(), kC, kH, kW, draw, mode, table, out.data());
          for (dim_t c = 0; c < kC; ++c)
            for (dim_t y = 0; y < kH; ++y)
              for (dim_t x = 0; x < kW; ++x)
                ASSERT_EQ(out[(c * kH + y) * kW + x], expected(image, draw, mode, c, y, x))
                    << "dy " << dy << " dx " << dx << " flip " << flip << " at " << c << "," << y << "," << x;
        }
      }
    }
  }
}

TEST(Augment, WithoutOptionsItOnlyNormalizes) {
  const AugmentDraw draw = draw_augmentation({}, 1, 2, 3, 32, 32);
  EXPECT_EQ(draw.dy, 0);
  EXPECT_EQ(draw.dx, 0);
  EXPECT_FALSE(draw.flip);
  EXPECT_EQ(draw.cut_bottom, 0);
  const NormalizationTable table(cifar_normalization());
  EXPECT_FLOAT_EQ(table.channel(0)[0], -0.4914f / 0.2023f);
  EXPECT_FLOAT_EQ(table.channel(2)[255], (1 - 0.4465f) / 0.2010f);
}

TEST(Augment, DrawsAreUniformAndDependOnSeedEpochAndSample) {
  AugmentOptions options = standard_augmentation();
  options.cutout = 8;
  std::array<int, 9> dy{}, dx{};
  int flips = 0;
  constexpr int kDraws = 9000;
  for (int i = 0; i < kDraws; ++i) {
    const AugmentDraw draw = draw_augmentation(options, 7, 1, i, 32, 32);
    ASSERT_LE(std::abs(draw.dy), 4);
    ASSERT_LE(std::abs(draw.dx), 4);
    ++dy[draw.dy + 4];
    ++dx[draw.dx + 4];
    flips += draw.flip;
    ASSERT_GE(draw.cut_top, 0);
    ASSERT_LE(draw.cut_bottom, 32);
    ASSERT_GE(draw.cut_bottom - draw.cut_top, 4);
    ASSERT_LE(draw.cut_right - draw.cut_left, 8);
  }
  // Five standard deviations of a binomial count.
  for (int shift = 0; shift < 9; ++shift) {
    EXPECT_NEAR(dy[shift], kDraws / 9.0, 5 * std::sqrt(kDraws * 8.0 / 81));
    EXPECT_NEAR(dx[shift], kDraws / 9.0, 5 * std::sqrt(kDraws * 8.0 / 81));
  }
  EXPECT_NEAR(flips, kDraws / 2.0, 5 * std::sqrt(kDraws / 4.0));

  const auto as_tuple = [](const AugmentDraw& d) { return std::array<int, 4>{d.dy, d.dx, d.flip, d.cut_top}; };
  std::set<std::array<int, 4>> different;
  for (int k = 0; k < 8; ++k) {
    different.insert(as_tuple(draw_augmentation(options, k, 0, 0, 32, 32)));
    different.insert(as_tuple(draw_augmentation(options, 0, k, 0, 32, 32)));
    different.insert(as_tuple(draw_augmentation(options, 0, 0, k, 32, 32)));
  }
  EXPECT_GT(different.size(), 15u);
}

TEST(Augment, SwitchingOneKindOnLeavesTheOthers) {
  AugmentOptions with = standard_augmentation(), without = standard_augmentation();
  with.cutout = 16;
  for (int i = 0; i < 50; ++i) {
    const AugmentDraw a = draw_augmentation(with, 3, 0, i, 32, 32), b = draw_augmentation(without, 3, 0, i, 32, 32);
    EXPECT_EQ(a.dy, b.dy);
    EXPECT_EQ(a.dx, b.dx);
    EXPECT_EQ(a.flip, b.flip);
  }
}

TEST(Augment, OptionsThatMakeNoSenseAreRefused) {
  AugmentOptions options;
  options.padding = -1;
  EXPECT_ERROR(check_augmentation(options, 32, 32), UsageError, "padding");
  options.padding = 32;
  EXPECT_ERROR(check_augmentation(options, 32, 40), UsageError, "got 32");
  options = {};
  options.flip_probability = std::nanf("");
  EXPECT_ERROR(check_augmentation(options, 32, 32), UsageError, "flip");
  options = {};
  options.cutout = 65;
  EXPECT_ERROR(check_augmentation(options, 32, 32), UsageError, "cutout");
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
