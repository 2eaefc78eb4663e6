#pragma once
/// From random words to values. Each formula is a chain of exactly rounded f32 operations (explicit fused
/// multiply-adds, no library function), so every back end and instruction set gets the same bits.

#include <cmath>
#include <cstdint>
#include <cstring>

#include "kernels/common/philox.h"

namespace engram::kernels {

/// The top 24 bits of `word` as a multiple of 2^-24 in [0, 1).
ENGRAM_HOST_DEVICE ENGRAM_ALWAYS_INLINE float unit_uniform(std::uint32_t word) {
  return float(std::int32_t(word >> 8)) * 0x1p-24f;
}

/// Uniform in [low, low + width]; the upper end is reached only by rounding.
ENGRAM_HOST_DEVICE ENGRAM_ALWAYS_INLINE float scaled_uniform(std::uint32_t word, float low, float width) {
  return std::fma(unit_uniform(word), width, low);
}

/// ln((word + 1/2) 2^-32), with a relative error of a few 2^-24 also where it is close to 0.
/// Interpolated at Chebyshev nodes: ln(1 + t) = t - t^2/2 + t^3 Q(t) on [sqrt(1/2) - 1, sqrt(2) - 1].
ENGRAM_HOST_DEVICE ENGRAM_ALWAYS_INLINE float log_of_unit(std::uint32_t word) {
  constexpr std::int32_t kSqrtHalfBits = 0x3F3504F3;
  const float x = (float(word) + 0.5f) * 0x1p-32f;
  std::int32_t bits;
  std::memcpy(&bits, &x, 4);
  const std::int32_t shifted = bits - kSqrtHalfBits;  // the mantissa then lies in [sqrt(1/2), sqrt(2))
  const std::int32_t mantissa_bits = (shifted & 0x007FFFFF) + kSqrtHalfBits;
  float mantissa;
  std::memcpy(&mantissa, &mantissa_bits, 4);
  // Close to 1, x has lost the last bits of the word, and 1 - x comes from the word itself.
  const bool close_to_one = word >= 0xC0000000u;
  const float t = close_to_one ? (float(~word) + 0.5f) * -0x1p-32f : mantissa - 1.f;
  const float e = close_to_one ? 0.f : float(shifted >> 23);
  const float square = t * t;
  float q = 6.971611471e-02f;
  q = std::fma(q, t, -1.147973385e-01f);
  q = std::fma(q, t, 1.168541992e-01f);
  q = std::fma(q, t, -1.242568733e-01f);
  q = std::fma(q, t, 1.424905765e-01f);
  q = std::fma(q, t, -1.666780232e-01f);
  q = std::fma(q, t, 2.000071575e-01f);
  q = std::fma(q, t, -2.499999696e-01f);
  q = std::fma(q, t, 3.333333118e-01f);
  const float tail = std::fma(square * t, q, square * -0.5f);
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  return std::fma(e, kLn2High, std::fma(e, kLn2Low, tail) + t);
}

/// Two independent standard normal values (Box and Muller 1958) from two words: the radius from `word0`, the angle from
/// `word1`. The radius reaches 6.8.
ENGRAM_HOST_DEVICE ENGRAM_ALWAYS_INLINE void normal_pair(std::uint32_t word0, std::uint32_t word1, float& first,
                                                         float& second) {
  const float radius = std::sqrt(log_of_unit(word0) * -2.f);
  // The angle is word1 quarter turns of 2^-30: the nearest whole number of quarters, and a rest x in [-1/2, 1/2).
  const std::uint32_t quarter = (word1 + 0x20000000u) >> 30;
  const float x = float(std::int32_t(word1 - (quarter << 30))) * 0x1p-30f;
  const float square = x * x;
  float s = -4.602149213e-03f;  // sin(pi/2 x) / x in x^2
  s = std::fma(s, square, 7.968021765e-02f);
  s = std::fma(s, square, -6.459634777e-01f);
  s = std::fma(s, square, 1.570796322e+00f);
  const float sine = s * x;
  float c = 9.067398984e-04f;  // (cos(pi/2 x) - 1) / x^2 in x^2
  c = std::fma(c, square, -2.086152834e-02f);
  c = std::fma(c, square, 2.536694104e-01f);
  c = std::fma(c, square, -1.233700549e+00f);
  const float cosine = std::fma(c, square, 1.f);
  const float along = (quarter & 1) ? -sine : cosine, across = (quarter & 1) ? cosine : sine;
  first = radius * ((quarter & 2) ? -along : along);
  second = radius * ((quarter & 2) ? -across : across);
}

/// low + floor(word * range / 2^32): range values, uneven by at most range / 2^32.
ENGRAM_HOST_DEVICE ENGRAM_ALWAYS_INLINE std::int32_t bounded_integer(std::uint32_t word, std::int32_t low,
                                                                     std::uint32_t range) {
  return std::int32_t(std::uint32_t(low) + std::uint32_t((std::uint64_t(word) * range) >> 32));
}

}  // namespace engram::kernels
