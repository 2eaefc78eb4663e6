/// The numbers of the tensor cores: against the rule written in double, and at values worked out by hand.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "emulator/engine/block_sum.h"

namespace emu {
namespace {

enum class Format { kTf32, kBf16, kHalf };

constexpr Arithmetic kChips[] = {Arithmetic::kHopper, Arithmetic::kAmpere};
constexpr float kInf = std::numeric_limits<float>::infinity();

Operand operand(Format format, std::uint32_t bits) {
  if (format == Format::kTf32) return operand_of_tf32(bits);
  return format == Format::kBf16 ? operand_of_bf16(std::uint16_t(bits)) : operand_of_half(std::uint16_t(bits));
}

Operand bf16(float v) {
  return operand_of_bf16(std::uint16_t(std::bit_cast<std::uint32_t>(v) >> 16));
}

double value_of(const Operand& v) {
  return std::ldexp(v.negative ? -double(v.significand) : double(v.significand), v.exponent - 10);
}

// Bits toward zero at a power of two.
double cut_at(double v, int exponent) {
  return std::ldexp(std::trunc(std::ldexp(v, -exponent)), exponent);
}

// The rule's text in double, which holds all terms and their sum exactly.
float block_in_double(const Operand* a, const Operand* b, int count, float c, int extra, int least) {
  int top = least;
  for (int i = 0; i < count; ++i) {
    if (value_of(a[i]) * value_of(b[i]) != 0) top = std::max(top, a[i].exponent + b[i].exponent);
  }
  if (c != 0) top = std::max(top, std::max(std::ilogb(c), -126));
  double sum = cut_at(double(c), top - 23 - extra);
  for (int i = 0; i < count; ++i) sum += cut_at(value_of(a[i]) * value_of(b[i]), top - 23 - extra);
  if (sum == 0) return 0.0f;
  const double cut = cut_at(sum, std::max(std::ilogb(sum), -126) - 23);
  return std::abs(cut) > double(std::numeric_limits<float>::max()) ? std::copysign(kInf, float(sum)) : float(cut);
}

float mma_in_double(const std::vector<Operand>& a, const std::vector<Operand>& b, float c, bool half, Arithmetic chip) {
  const bool hopper = chip == Arithmetic::kHopper;
  const std::size_t block = half ? (hopper ? 16 : 8) : (hopper ? 8 : 4);
  for (std::size_t i = 0; i < a.size(); i += block) {
    const int count = int(std::min(block, a.size() - i));
    c = block_in_double(&a[i], &b[i], count, c, hopper ? 2 : 1, hopper ? -133 : -132);
    if (std::isinf(c)) return c;
  }
  return c;
}

struct Random {
  std::uint64_t state = 0x9E3779B97F4A7C15ull;
  std::uint32_t next() {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return std::uint32_t(state >> 16);
  }
};

// Finite bits with exponents in a window of `spread` above `lowest` (0: subnormal numbers too).
std::uint32_t random_bits(Random& random, Format format, unsigned lowest, unsigned spread) {
  const std::uint32_t exponent = lowest + random.next() % spread, sign = random.next() & 1, fraction = random.next();
  if (format == Format::kTf32) return sign << 31 | exponent << 23 | (fraction & 0x7fffff);
  if (format == Format::kBf16) return sign << 15 | exponent << 7 | (fraction & 0x7f);
  return sign << 15 | exponent % 31 << 10 | (fraction & 0x3ff);
}

TEST(BlockSum, FollowsTheRuleForEachFormatAndChip) {
  Random random;
  for (const Format format : {Format::kTf32, Format::kBf16, Format::kHalf}) {
    const bool half = format != Format::kTf32;
    for (int round = 0; round < 3000; ++round) {
      // Near one another, far apart, subnormal, near overflow.
      const unsigned windows[][2] = {{125, 4}, {100, 55}, {0, 3}, {185, 6}, {60, 8}};
      const auto& window = windows[round % 5];
      std::vector<Operand> a, b;
      for (int i = 0; i < (half ? 16 : 8); ++i) {
        a.push_back(operand(format, random_bits(random, format, window[0], window[1])));
        b.push_back(operand(format, random_bits(random, format, round % 2 ? 125 : window[0], window[1])));
        if (random.next() % 8 == 0) b.back().significand = 0;
      }
      // Every third sum cancels all but the smallest terms.
      float c = std::bit_cast<float>(random_bits(random, Format::kTf32, window[0], window[1]));
      if (round % 3 == 0) c = -float(value_of(a[0]) * value_of(b[0]));
      if (!std::isfinite(c)) continue;
      for (const Arithmetic chip : kChips) {
        const float sum = sum_of_products(a.data(), b.data(), int(a.size()), c, half, chip);
        ASSERT_EQ(std::bit_cast<std::uint32_t>(sum), std::bit_cast<std::uint32_t>(mma_in_double(a, b, c, half, chip)))
            << "format " << int(format) << " round " << round << " chip " << int(chip);
      }
    }
  }
}

// d of 16 equal products of bfloat16 and c.
float equal_products(float a, float b, float c, Arithmetic arithmetic) {
  const std::vector<Operand> left(16, bf16(a)), right(16, bf16(b));
  return sum_of_products(left.data(), right.data(), 16, c, true, arithmetic);
}

TEST(BlockSum, ChipsDifferInTheBitsThatTheyKeep) {
  const float small = std::ldexp(1.0f, -12), smaller = std::ldexp(1.0f, -13);
  // Products of 2^-25 beside 1: Hopper keeps 25 bits after the point, Ampere 24.
  EXPECT_EQ(equal_products(small, smaller, 1.0f, Arithmetic::kHopper), 1.0f + std::ldexp(1.0f, -21));
  EXPECT_EQ(equal_products(small, smaller, 1.0f, Arithmetic::kAmpere), 1.0f);
  // Of 2^-26: neither does.
  EXPECT_EQ(equal_products(smaller, smaller, 1.0f, Arithmetic::kHopper), 1.0f);
  EXPECT_EQ(equal_products(smaller, smaller, 1.0f, Arithmetic::kExact), 1.0f + std::ldexp(1.0f, -22));
}

TEST(BlockSum, CutsTowardZero) {
  const Operand a = bf16(1.5f), b = bf16(std::ldexp(1.0f, -24)), minus_a = bf16(-1.5f);
  for (const Arithmetic chip : kChips) {
    EXPECT_EQ(sum_of_products(&a, &b, 1, 1.0f, true, chip), 1.0f);
    EXPECT_EQ(sum_of_products(&minus_a, &b, 1, -1.0f, true, chip), -1.0f);
  }
  EXPECT_EQ(sum_of_products(&a, &b, 1, 1.0f, true, Arithmetic::kExact), std::nextafter(1.0f, 2.0f));
}

TEST(BlockSum, CancellationLosesTheSmallTerms) {
  // 2^30 - 2^30 + 16, whose last kept bit is 2^5 (Hopper) or 2^6.
  const Operand a[] = {bf16(-32768.0f), bf16(4.0f)}, b[] = {bf16(32768.0f), bf16(4.0f)};
  for (const Arithmetic chip : kChips) {
    const float sum = sum_of_products(a, b, 2, 1073741824.0f, true, chip);
    EXPECT_EQ(std::bit_cast<std::uint32_t>(sum), 0u);
  }
  EXPECT_EQ(sum_of_products(a, b, 2, 1073741824.0f, true, Arithmetic::kExact), 16.0f);
}

TEST(BlockSum, SubnormalNumbersAreKept) {
  const Operand one = bf16(1.0f), least = operand_of_bf16(1);  // 2^-133
  const Operand least_half = operand_of_half(1), one_half = operand_of_half(0x3c00);
  for (const Arithmetic chip : kChips) {
    EXPECT_EQ(sum_of_products(&least, &one, 1, 0.0f, true, chip), std::ldexp(1.0f, -133));
    EXPECT_EQ(sum_of_products(&one, &least, 1, std::ldexp(1.0f, -149), true, chip),
              std::ldexp(1.0f, -133) + std::ldexp(1.0f, -149));
    EXPECT_EQ(sum_of_products(&least_half, &one_half, 1, 0.0f, true, chip), std::ldexp(1.0f, -24));
  }
}

TEST(BlockSum, OverflowIsInfinite) {
  const Operand a = bf16(std::ldexp(1.0f, 64)), b = bf16(std::ldexp(1.0f, 63)), minus = bf16(-std::ldexp(1.0f, 64));
  for (const Arithmetic arithmetic : {Arithmetic::kHopper, Arithmetic::kAmpere, Arithmetic::kExact}) {
    EXPECT_EQ(sum_of_products(&a, &b, 1, std::numeric_limits<float>::max(), true, arithmetic), kInf);
    EXPECT_EQ(sum_of_products(&minus, &b, 1, std::numeric_limits<float>::lowest(), true, arithmetic), -kInf);
  }
}

TEST(BlockSum, InfinitiesAndNanFollowIeee) {
  const Operand zero = bf16(0.0f), one = bf16(1.0f), infinity = bf16(kInf), minus = bf16(-kInf);
  const auto bits = [](const Operand& a, const Operand& b, float c) {
    return std::bit_cast<std::uint32_t>(sum_of_products(&a, &b, 1, c, true, Arithmetic::kHopper));
  };
  constexpr std::uint32_t kNan = 0x7fffffffu, kPlus = 0x7f800000u, kMinus = 0xff800000u;
  EXPECT_EQ(bits(infinity, one, 1.0f), kPlus);
  EXPECT_EQ(bits(minus, one, 1.0f), kMinus);
  EXPECT_EQ(bits(one, one, -kInf), kMinus);
  EXPECT_EQ(bits(infinity, zero, 1.0f), kNan);
  EXPECT_EQ(bits(infinity, one, -kInf), kNan);
  EXPECT_EQ(bits(one, one, std::nanf("")), kNan);
  EXPECT_EQ(bits(bf16(std::nanf("")), zero, 0.0f), kNan);
  // A NaN whose payload lies in the low bits is no NaN to a TF32 operand.
  EXPECT_EQ(bits(operand_of_tf32(0x7f800001u), operand_of_tf32(0x3f800000u), 0.0f), kPlus);
}

TEST(BlockSum, LowBitsOfTf32DoNotCount) {
  const Operand a = operand_of_tf32(0x3f801fffu), b = operand_of_tf32(0x40000000u);
  EXPECT_EQ(sum_of_products(&a, &b, 1, 0.0f, false, Arithmetic::kHopper), 2.0f);
}

}  // namespace
}  // namespace emu
