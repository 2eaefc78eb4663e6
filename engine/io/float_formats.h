#pragma once
/// Conversion of single numbers between f32 and the narrow floating-point formats of files. Pure bit work: results do
/// not depend on the compiler or the machine (f32_to_f16 wants the default rounding mode).
/// Threads: any may call, also at the same time.
#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace engram::io {

/// IEEE 754 binary16 to f32: exact. NaN payloads are kept.
inline float f16_to_f32(std::uint16_t half) {
  const std::uint32_t sign = static_cast<std::uint32_t>(half & 0x8000) << 16;
  const std::uint32_t exponent = (half >> 10) & 31, mantissa = half & 0x3ff;
  if (exponent == 0) {  // zero or subnormal: mantissa units of 2^-24
    const float magnitude = static_cast<float>(mantissa) * 0x1p-24f;
    return std::bit_cast<float>(std::bit_cast<std::uint32_t>(magnitude) | sign);
  }
  const std::uint32_t wide = exponent == 31 ? 255 : exponent + 112;
  return std::bit_cast<float>(sign | wide << 23 | mantissa << 13);
}

/// f32 to IEEE 754 binary16, to nearest, ties to even. From 65520 on: infinity. NaN stays a (quiet) NaN.
inline std::uint16_t f32_to_f16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = static_cast<std::uint16_t>(bits >> 16 & 0x8000);
  const std::uint32_t magnitude = bits & 0x7fffffff;
  std::uint32_t half;
  if (magnitude > 0x7f800000) {
    half = 0x7e00 | (magnitude >> 13 & 0x3ff);
  } else if (magnitude >= 0x477ff000) {  // 65520, half-way between the largest number and the one that is not there
    half = 0x7c00;
  } else if (magnitude >=
             0x38800000) {  // 2^-14: normal. A carry out of the mantissa raises the exponent, as it should.
    half = (magnitude - (112u << 23) + 0xfff + (magnitude >> 13 & 1)) >> 13;
  } else {  // the spacing of f32 in [0.5, 1) is 2^-24, that of the subnormal binary16: the addition rounds
    half = std::bit_cast<std::uint32_t>(std::bit_cast<float>(magnitude) + 0.5f) - 0x3f000000;
  }
  return static_cast<std::uint16_t>(sign | half);
}

/// bfloat16 to f32: exact.
inline float bf16_to_f32(std::uint16_t value) {
  return std::bit_cast<float>(static_cast<std::uint32_t>(value) << 16);
}

/// f32 to bfloat16, to nearest, ties to even. NaN stays a (quiet) NaN.
inline std::uint16_t f32_to_bf16(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffff) > 0x7f800000) return static_cast<std::uint16_t>(bits >> 16 | 0x40);
  return static_cast<std::uint16_t>((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

/// 8-bit float with 5 exponent bits (OCP E5M2) to f32: exact. It is the upper half of a binary16.
inline float f8_e5m2_to_f32(std::uint8_t value) {
  return f16_to_f32(static_cast<std::uint16_t>(value << 8));
}

/// 8-bit float with 4 exponent bits (OCP E4M3: no infinities, NaN is 0x7f and 0xff) to f32: exact.
inline float f8_e4m3_to_f32(std::uint8_t value) {
  if ((value & 0x7f) == 0x7f) return std::numeric_limits<float>::quiet_NaN();
  const int exponent = value >> 3 & 15, mantissa = value & 7;
  const float magnitude =
      std::ldexp(static_cast<float>(exponent ? mantissa + 8 : mantissa), (exponent ? exponent : 1) - 10);
  return value & 0x80 ? -magnitude : magnitude;
}

/// 8-bit power of two (OCP E8M0: 2^(value-127), NaN is 0xff) to f32: exact.
inline float f8_e8m0_to_f32(std::uint8_t value) {
  return value == 0xff ? std::numeric_limits<float>::quiet_NaN() : std::ldexp(1.f, value - 127);
}

}  // namespace engram::io
