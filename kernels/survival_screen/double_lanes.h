#pragma once
/// Eight-lane doubles, and exp and log of them. All helpers inline into ENGRAM_MULTIVERSION functions.

#include "kernels/common/simd.h"

namespace engram::kernels {

/// 8 f64 lanes, aligned to 64 bytes; lane masks (-1 or 0) and integers.
typedef double Vec8d __attribute__((vector_size(64), may_alias));
typedef std::int64_t Int8 __attribute__((vector_size(64), may_alias));
/// The same at any address.
typedef double UnalignedVec8d __attribute__((vector_size(64), aligned(8), may_alias));
inline constexpr int kDoubleLanes = 8;

ENGRAM_ALWAYS_INLINE Vec8d load8d(const double* p) {
  return *reinterpret_cast<const UnalignedVec8d*>(p);
}
ENGRAM_ALWAYS_INLINE Int8 bits_of8(Vec8d v) {
  return reinterpret_cast<Int8&>(v);
}
ENGRAM_ALWAYS_INLINE Vec8d from_bits8(Int8 m) {
  return reinterpret_cast<Vec8d&>(m);
}

/// Sum of the lanes, added as a tree.
ENGRAM_ALWAYS_INLINE double sum_lanes8(Vec8d v) {
  return ((v[0] + v[4]) + (v[2] + v[6])) + ((v[1] + v[5]) + (v[3] + v[7]));
}

/// e^x with a relative error below 4e-16, for x clamped to [-708, 708]; NaN stays.
ENGRAM_ALWAYS_INLINE Vec8d exp8(Vec8d x) {
  constexpr double kRound = 0x1.8p52;  // adding it rounds to the nearest integer
  x = x > 708. ? Vec8d{} + 708. : x;
  x = x < -708. ? Vec8d{} - 708. : x;
  const Vec8d shifted = x * 1.4426950408889634 + kRound;
  const Vec8d n = shifted - kRound;
  // ln 2 in two parts; the first has 32 bits, so its product with n is exact.
  const Vec8d r = (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33;
  // Taylor's series: the first term left out is below 5e-18 for |r| <= ln 2 / 2.
  Vec8d p = Vec8d{} + 1. / 6227020800;
  p = p * r + 1. / 479001600;
  p = p * r + 1. / 39916800;
  p = p * r + 1. / 3628800;
  p = p * r + 1. / 362880;
  p = p * r + 1. / 40320;
  p = p * r + 1. / 5040;
  p = p * r + 1. / 720;
  p = p * r + 1. / 120;
  p = p * r + 1. / 24;
  p = p * r + 1. / 6;
  p = p * r + 0.5;
  p = p * r + 1.;
  p = p * r + 1.;
  return p * from_bits8((bits_of8(shifted) + (1023 - 0x4338000000000000)) << 52);
}

/// ln x of normal x > 0, error below 2 units in the last place. Other x give no error and no meaning.
ENGRAM_ALWAYS_INLINE Vec8d log8(Vec8d x) {
  constexpr std::int64_t kSqrtHalfBits = 0x3FE6A09E667F3BCD;  // the mantissa then lies in [sqrt(1/2), sqrt(2))
  constexpr std::int64_t kRoundBits = 0x4338000000000000;     // 1.5 * 2^52
  const Int8 exponent = (bits_of8(x) - kSqrtHalfBits) >> 52;
  const Vec8d mantissa = from_bits8(bits_of8(x) - (exponent << 52));
  const Vec8d e = from_bits8(exponent + kRoundBits) - 0x1.8p52;
  // 2 artanh(s), s = (m - 1) / (m + 1), |s| < 0.172: the series to s^21.
  const Vec8d s = (mantissa - 1.) / (mantissa + 1.), square = s * s;
  Vec8d p = Vec8d{} + 2. / 21;
  p = p * square + 2. / 19;
  p = p * square + 2. / 17;
  p = p * square + 2. / 15;
  p = p * square + 2. / 13;
  p = p * square + 2. / 11;
  p = p * square + 2. / 9;
  p = p * square + 2. / 7;
  p = p * square + 2. / 5;
  p = p * square + 2. / 3;
  return e * 0x1.62e42feep-1 + (e * 0x1.a39ef35793c76p-33 + (2. * s + s * square * p));
}

}  // namespace engram::kernels
