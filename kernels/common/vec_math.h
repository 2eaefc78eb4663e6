#pragma once
/// exp and expm1-based tanh of sixteen lanes, for every vector of lanes.h. All helpers inline.

#include "kernels/common/lanes.h"

namespace engram::kernels {

/// x = exponent ln 2 + r with |r| <= ln 2 / 2 and expm1(r); the common part of exp16 and tanh16.
template <class V>
struct ReducedExp16 {
  MaskOf<V> exponent;
  V expm1_r;
};

/// Where reduce_exp16 rounds: adding 1.5 * 2^23 rounds to the nearest integer, and leaves it in the low bits. A bias
/// that is added to it is added to the integer.
inline constexpr float kRoundToInteger = 12582912.f;
inline constexpr std::int32_t kRoundedBits = 0x4b400000;

/// Cody-Waite reduction and a polynomial of degree 7 (interpolation of (expm1(r) - r) / r^2 at Chebyshev nodes,
/// relative error 2e-9 before rounding). |x| must stay below 2^21. `exponent` is that of e^x plus kRoundedBits + bias.
template <class V>
ENGRAM_ALWAYS_INLINE ReducedExp16<V> reduce_biased_exp16(V x, float bias) {
  const float round = kRoundToInteger + bias;
  const V shifted = x * 1.44269504f + round;
  const V n = shifted - round;
  // ln 2 in two parts; n * 0.693359375 is exact for |n| < 2^12.
  const V r = (x - n * 0.693359375f) - n * -2.12194440e-4f;
  V q = splat<V>(1.98909911e-4f);
  q = q * r + 1.39336498e-3f;
  q = q * r + 8.33331048e-3f;
  q = q * r + 4.16664667e-2f;
  q = q * r + 1.66666672e-1f;
  q = q * r + 0.5f;
  return {bits_of(shifted), r + r * r * q};
}

/// The same with the exponent itself.
template <class V>
ENGRAM_ALWAYS_INLINE ReducedExp16<V> reduce_exp16(V x) {
  const ReducedExp16<V> e = reduce_biased_exp16(x, 0);
  return {e.exponent - kRoundedBits, e.expm1_r};
}

/// 2^exponent, exponent in [-126, 127].
template <class Mask>
ENGRAM_ALWAYS_INLINE auto power_of_two16(Mask exponent) {
  return from_bits((exponent + 127) << 23);
}

/// e^x, error below 1.5 ulp over the whole range (subnormal results to one subnormal step); exactly 1 at 0, 0 below
/// -104, infinity above 88.73, NaN stays.
template <class V>
ENGRAM_ALWAYS_INLINE V exp16(V x) {
  x = select(x > 89.f, splat<V>(89.f), x);
  x = select(x < -104.f, splat<V>(-104.f), x);
  const ReducedExp16<V> e = reduce_exp16(x);
  // The exponent reaches -150 and 128, so it is applied in two factors.
  const auto half = e.exponent >> 1;
  return (1.f + e.expm1_r) * power_of_two16(half) * power_of_two16(e.exponent - half);
}

/// As exp16 for x below 88, with 0 in place of subnormal results (below -87.3): two thirds of the instructions.
template <class V>
ENGRAM_ALWAYS_INLINE V normal_exp16(V x) {
  const ReducedExp16<V> e = reduce_biased_exp16(x, 127);
  // Shifting drops kRoundedBits. The power is 0 with the exponent -127, of which x = -88 is far from both neighbours.
  const V y = (1.f + e.expm1_r) * from_bits(e.exponent << 23);
  return select(x < -88.f, V{}, y);
}

/// tanh x = expm1(2|x|) / (expm1(2|x|) + 2) with the sign of x; error below 3 ulp everywhere, also near 0. NaN stays.
template <class V>
ENGRAM_ALWAYS_INLINE V tanh16(V x) {
  const auto sign = bits_of(x) & INT32_MIN;
  V a = from_bits(bits_of(x) & INT32_MAX);
  a = select(a > 10.f, splat<V>(10.f), a);  // tanh 10 rounds to 1
  const ReducedExp16<V> e = reduce_exp16(a + a);
  const V scale = power_of_two16(e.exponent);
  const V expm1 = scale * e.expm1_r + (scale - 1.f);
  return from_bits(bits_of(expm1 / (expm1 + 2.f)) | sign);
}

}  // namespace engram::kernels
