#include "emulator/engine/block_sum.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>

namespace emu {
namespace {

using Kind = Operand::Kind;

constexpr int kFractionBits = 10;  // of an operand's significand

struct BlockRule {
  int products;      // in a block
  int extra_bits;    // x
  int min_exponent;  // of E
};

BlockRule rule_of(bool half_sized, Arithmetic arithmetic) {
  if (arithmetic == Arithmetic::kAmpere) return {half_sized ? 8 : 4, 1, -132};
  return {half_sized ? 16 : 8, 2, -133};
}

// `fraction` has kFractionBits bits.
Operand operand_of(bool negative, unsigned exponent, unsigned max_exponent, std::uint32_t fraction, int bias) {
  if (exponent == max_exponent) return {0, 0, fraction == 0 ? Kind::kInfinite : Kind::kNan, negative};
  const std::uint32_t leading = exponent == 0 ? 0u : 1u << kFractionBits;
  return {leading | fraction, int(std::max(exponent, 1u)) - bias, Kind::kFinite, negative};
}

// A float that is not zero, as an integer with 23 bits after the point.
struct Addend {
  std::uint64_t significand;
  int exponent;
  bool negative;
};

Addend addend_of(float v) {
  const auto bits = std::bit_cast<std::uint32_t>(v);
  const unsigned exponent = bits >> 23 & 255;
  const std::uint32_t leading = exponent == 0 ? 0u : 1u << 23;
  return {leading | (bits & 0x7fffffu), int(std::max(exponent, 1u)) - 127, (bits >> 31) != 0};
}

// significand / 2^right, cut toward zero, with its sign.
std::int64_t cut(std::uint64_t significand, int right, bool negative) {
  const std::uint64_t magnitude = right >= 64 ? 0 : right >= 0 ? significand >> right : significand << -right;
  return negative ? -std::int64_t(magnitude) : std::int64_t(magnitude);
}

// sum * 2^scale, cut toward zero to a float; subnormal numbers are kept, what is too large is infinite.
float float_of(std::int64_t sum, int scale) {
  if (sum == 0) return 0.0f;
  const std::uint32_t sign = sum < 0 ? 0x80000000u : 0u;
  const std::uint64_t magnitude = std::uint64_t(sum < 0 ? -sum : sum);
  const int high = int(std::bit_width(magnitude)) - 1, exponent = high + scale;
  if (exponent > 127) return std::bit_cast<float>(sign | 0x7f800000u);
  const int kept = exponent >= -126 ? 23 : 149 + exponent;  // bits after the leading one
  if (kept < 0) return std::bit_cast<float>(sign);
  const auto digits = std::uint32_t(high >= kept ? magnitude >> (high - kept) : magnitude << (kept - high));
  const std::uint32_t biased = exponent >= -126 ? std::uint32_t(exponent + 127) << 23 : 0u;
  return std::bit_cast<float>(sign | biased | (digits & 0x7fffffu));
}

float block_sum(const Operand* a, const Operand* b, int count, float c, const BlockRule& rule) {
  int top = rule.min_exponent;
  for (int i = 0; i < count; ++i) {
    if (a[i].significand != 0 && b[i].significand != 0) top = std::max(top, a[i].exponent + b[i].exponent);
  }
  const Addend start = addend_of(c);
  if (start.significand != 0) top = std::max(top, start.exponent);
  const int kept_bits = 23 + rule.extra_bits;
  std::int64_t sum = cut(start.significand, top - start.exponent + 23 - kept_bits, start.negative);
  for (int i = 0; i < count; ++i) {
    const std::uint64_t product = std::uint64_t{a[i].significand} * b[i].significand;
    if (product == 0) continue;
    sum += cut(product, top - a[i].exponent - b[i].exponent + 2 * kFractionBits - kept_bits,
               a[i].negative != b[i].negative);
  }
  return float_of(sum, top - kept_bits);
}

double value_of(const Operand& v) {
  if (v.kind == Kind::kNan) return std::numeric_limits<double>::quiet_NaN();
  const double magnitude = v.kind == Kind::kInfinite ? std::numeric_limits<double>::infinity()
                                                     : std::ldexp(double(v.significand), v.exponent - kFractionBits);
  return v.negative ? -magnitude : magnitude;
}

float sum_in_double(const Operand* a, const Operand* b, int k, float c) {
  double sum = double(c);
  for (int i = 0; i < k; ++i) sum += value_of(a[i]) * value_of(b[i]);
  return std::isnan(sum) ? std::bit_cast<float>(0x7fffffffu) : float(sum);
}

bool all_finite(const Operand* v, int k) {
  return std::all_of(v, v + k, [](const Operand& one) { return one.kind == Kind::kFinite; });
}

}  // namespace

Operand operand_of_tf32(std::uint32_t bits) {
  return operand_of((bits >> 31) != 0, bits >> 23 & 255, 255, bits >> 13 & 0x3ff, 127);
}

Operand operand_of_bf16(std::uint16_t bits) {
  return operand_of((bits >> 15) != 0, bits >> 7 & 255u, 255, (bits & 0x7fu) << 3, 127);
}

Operand operand_of_half(std::uint16_t bits) {
  return operand_of((bits >> 15) != 0, bits >> 10 & 31u, 31, bits & 0x3ffu, 15);
}

float sum_of_products(const Operand* a, const Operand* b, int k, float c, bool half_sized, Arithmetic arithmetic) {
  const bool finite = std::isfinite(c) && all_finite(a, k) && all_finite(b, k);
  if (!finite || arithmetic == Arithmetic::kExact) return sum_in_double(a, b, k, c);
  const BlockRule rule = rule_of(half_sized, arithmetic);
  for (int i = 0; i < k; i += rule.products) {
    if (!std::isfinite(c)) return c;  // an earlier block overflowed
    c = block_sum(a + i, b + i, std::min(rule.products, k - i), c, rule);
  }
  return c;
}

}  // namespace emu
