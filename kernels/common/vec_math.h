#pragma once
/// exp, expm1-based tanh, lane reductions and partial loads for Vec16. All helpers inline into ENGRAM_MULTIVERSION
/// functions.

#include "kernels/common/simd.h"

namespace engram::kernels {

ENGRAM_ALWAYS_INLINE Mask16 bits_of(Vec16 v) {
  return reinterpret_cast<Mask16&>(v);
}
ENGRAM_ALWAYS_INLINE Vec16 from_bits(Mask16 m) {
  return reinterpret_cast<Vec16&>(m);
}

/// 0 to 15.
inline constexpr Mask16 kLaneIndex16 = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/// -1 in the first `count` lanes, 0 in the others.
ENGRAM_ALWAYS_INLINE Mask16 first_lanes16(dim_t count) {
  return kLaneIndex16 < Mask16{} + std::int32_t(count);
}

/// Loads `count` (0 to 16) values; the other lanes are `fill`. The compiler makes one masked load of this loop where
/// there is one.
ENGRAM_ALWAYS_INLINE Vec16 load_partial16(const float* p, dim_t count, float fill) {
  float lanes[16];
  for (int i = 0; i < 16; ++i) lanes[i] = i < int(count) ? p[i] : fill;
  return load16(lanes);
}

/// Stores the first `count` (0 to 16) lanes.
ENGRAM_ALWAYS_INLINE void store_partial16(float* p, Vec16 v, dim_t count) {
  float lanes[16];
  store16(lanes, v);
  for (int i = 0; i < 16; ++i)
    if (i < int(count)) p[i] = lanes[i];
}

/// Sum of the lanes by halving: always the same order.
ENGRAM_ALWAYS_INLINE float sum_lanes(Vec16 v) {
  v += __builtin_shuffle(v, Mask16{8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15});
  v += __builtin_shuffle(v, Mask16{4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7});
  v += __builtin_shuffle(v, Mask16{2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3});
  return v[0] + v[1];
}

/// Lane by lane the larger value; a NaN in `b` is kept.
ENGRAM_ALWAYS_INLINE Vec16 max16(Vec16 a, Vec16 b) {
  return a > b ? a : b;
}

/// Largest lane.
ENGRAM_ALWAYS_INLINE float max_lanes(Vec16 v) {
  v = max16(v, __builtin_shuffle(v, Mask16{8, 9, 10, 11, 12, 13, 14, 15, 0, 1, 2, 3, 4, 5, 6, 7}));
  v = max16(v, __builtin_shuffle(v, Mask16{4, 5, 6, 7, 0, 1, 2, 3, 4, 5, 6, 7, 0, 1, 2, 3}));
  v = max16(v, __builtin_shuffle(v, Mask16{2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3, 0, 1}));
  return v[0] > v[1] ? v[0] : v[1];
}

/// x = exponent ln 2 + r with |r| <= ln 2 / 2 and expm1(r); the common part of exp16 and tanh16.
struct ReducedExp16 {
  Mask16 exponent;
  Vec16 expm1_r;
};

/// Cody-Waite reduction and a polynomial of degree 7 (interpolation of (expm1(r) - r) / r^2 at Chebyshev nodes,
/// relative error 2e-9 before rounding). |x| must stay below 2^21.
ENGRAM_ALWAYS_INLINE ReducedExp16 reduce_exp16(Vec16 x) {
  constexpr float kRound = 12582912.f;  // 1.5 * 2^23: adding it rounds to the nearest integer
  const Vec16 shifted = x * 1.44269504f + kRound;
  const Vec16 n = shifted - kRound;
  // ln 2 in two parts; n * 0.693359375 is exact for |n| < 2^12.
  const Vec16 r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  Vec16 q = broadcast16(1.98909911e-4f);
  q = q * r + 1.39336498e-3f;
  q = q * r + 8.33331048e-3f;
  q = q * r + 4.16664667e-2f;
  q = q * r + 1.66666672e-1f;
  q = q * r + 0.5f;
  return {bits_of(shifted) - 0x4b400000, r + r * r * q};
}

/// 2^exponent, exponent in [-126, 127].
ENGRAM_ALWAYS_INLINE Vec16 power_of_two16(Mask16 exponent) {
  return from_bits((exponent + 127) << 23);
}

/// e^x, error below 1.5 ulp over the whole range (subnormal results to one subnormal step); exactly 1 at 0, 0 below
/// -104, infinity above 88.73, NaN stays.
ENGRAM_ALWAYS_INLINE Vec16 exp16(Vec16 x) {
  x = x > 89.f ? broadcast16(89.f) : x;
  x = x < -104.f ? broadcast16(-104.f) : x;
  const ReducedExp16 e = reduce_exp16(x);
  // The exponent reaches -150 and 128, so it is applied in two factors.
  const Mask16 half = e.exponent >> 1;
  return (1.f + e.expm1_r) * power_of_two16(half) * power_of_two16(e.exponent - half);
}

/// tanh x = expm1(2|x|) / (expm1(2|x|) + 2) with the sign of x; error below 3 ulp everywhere, also near 0. NaN stays.
ENGRAM_ALWAYS_INLINE Vec16 tanh16(Vec16 x) {
  const Mask16 sign = bits_of(x) & INT32_MIN;
  Vec16 a = from_bits(bits_of(x) & INT32_MAX);
  a = a > 10.f ? broadcast16(10.f) : a;  // tanh 10 rounds to 1
  const ReducedExp16 e = reduce_exp16(a + a);
  const Vec16 scale = power_of_two16(e.exponent);
  const Vec16 expm1 = scale * e.expm1_r + (scale - 1.f);
  return from_bits(bits_of(expm1 / (expm1 + 2.f)) | sign);
}

}  // namespace engram::kernels
