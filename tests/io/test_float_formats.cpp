/// Narrow floating-point formats: exact widening, rounding to nearest even, special values.

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>

#include "engine/io/float_formats.h"

namespace engram::io {
namespace {

constexpr float kInf = std::numeric_limits<float>::infinity();

/// Value of a finite binary16 by its definition.
double f16_by_definition(std::uint16_t half) {
  const int exponent = half >> 10 & 31, mantissa = half & 0x3ff;
  const double magnitude = exponent ? std::ldexp(1024 + mantissa, exponent - 25) : std::ldexp(mantissa, -24);
  return half & 0x8000 ? -magnitude : magnitude;
}

TEST(F16, WidensAndNarrowsEveryValue) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const auto half = static_cast<std::uint16_t>(bits);
    const float wide = f16_to_f32(half);
    if ((half & 0x7c00) != 0x7c00) {
      ASSERT_EQ(wide, f16_by_definition(half)) << bits;
      ASSERT_EQ(std::signbit(wide), (half & 0x8000) != 0) << bits;
      ASSERT_EQ(f32_to_f16(wide), half) << bits;
    } else if (half & 0x3ff) {
      ASSERT_TRUE(std::isnan(wide)) << bits;
      ASSERT_EQ(f32_to_f16(wide), half | 0x200) << bits;
    } else {
      ASSERT_EQ(wide, half & 0x8000 ? -kInf : kInf);
      ASSERT_EQ(f32_to_f16(wide), half);
    }
  }
}

TEST(F16, RoundsToNearestEvenBetweenNeighbours) {
  // Between every two neighbours: the middle goes to the even one, a hair beside it to the nearer one.
  for (std::uint16_t half = 0; half < 0x7c00; ++half) {
    const auto next = static_cast<std::uint16_t>(half + 1);
    const double low = f16_by_definition(half), high = half == 0x7bff ? 65536. : f16_by_definition(next);
    const auto middle = static_cast<float>((low + high) / 2);
    ASSERT_EQ(f32_to_f16(middle), half & 1 ? next : half) << half;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, 0.f)), half) << half;
    ASSERT_EQ(f32_to_f16(std::nextafter(middle, kInf)), next) << half;
    ASSERT_EQ(f32_to_f16(-middle), (half & 1 ? next : half) | 0x8000) << half;
  }
}

TEST(F16, Limits) {
  EXPECT_EQ(f32_to_f16(65504.f), 0x7bff);
  EXPECT_EQ(f32_to_f16(65519.99f), 0x7bff);
  EXPECT_EQ(f32_to_f16(65520.f), 0x7c00);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::max()), 0x7c00);
  EXPECT_EQ(f32_to_f16(-1e-30f), 0x8000);
  EXPECT_EQ(f32_to_f16(std::numeric_limits<float>::denorm_min()), 0);
}

TEST(BF16, RoundsToNearestEvenAndKeepsEveryValue) {
  for (unsigned bits = 0; bits < 0x10000; ++bits) {
    const auto value = static_cast<std::uint16_t>(bits);
    const float wide = bf16_to_f32(value);
    if (std::isnan(wide)) {
      ASSERT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(wide))));
    } else {
      ASSERT_EQ(f32_to_bf16(wide), value);
    }
  }
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f808000u)), 0x3f80);  // half-way, even below
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f818000u)), 0x3f82);  // half-way, even above
  EXPECT_EQ(f32_to_bf16(std::bit_cast<float>(0x3f808001u)), 0x3f81);
  EXPECT_EQ(f32_to_bf16(std::numeric_limits<float>::max()), 0x7f80);
  EXPECT_TRUE(std::isnan(bf16_to_f32(f32_to_bf16(std::bit_cast<float>(0x7f800001u)))));
}

TEST(F8, KnownValues) {
  EXPECT_EQ(f8_e5m2_to_f32(0x3c), 1.f);
  EXPECT_EQ(f8_e5m2_to_f32(0x7b), 57344.f);
  EXPECT_EQ(f8_e5m2_to_f32(0x7c), kInf);
  EXPECT_EQ(f8_e5m2_to_f32(0x01), 0x1p-16f);
  EXPECT_EQ(f8_e4m3_to_f32(0x38), 1.f);
  EXPECT_EQ(f8_e4m3_to_f32(0x7e), 448.f);
  EXPECT_EQ(f8_e4m3_to_f32(0x81), -0x1p-9f);
  EXPECT_EQ(f8_e4m3_to_f32(0x08), 0x1p-6f);
  EXPECT_TRUE(std::isnan(f8_e4m3_to_f32(0xff)));
  EXPECT_EQ(f8_e8m0_to_f32(127), 1.f);
  EXPECT_EQ(f8_e8m0_to_f32(0), 0x1p-127f);
  EXPECT_TRUE(std::isnan(f8_e8m0_to_f32(255)));
}

}  // namespace
}  // namespace engram::io
