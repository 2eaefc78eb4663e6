#pragma once
/// Eight-lane f64 vectors in GCC's vector extension, with exp and log. All helpers inline into ENGRAM_MULTIVERSION
/// functions.

#include "kernels/common/simd.h"

namespace engram::kernels {

/// 8 f64 lanes, aligned to 64 bytes.
typedef double Vec8d __attribute__((vector_size(64), may_alias));
/// The same at any address, for loads and stores. (A template argument would lose the attribute.)
typedef double UnalignedVec8d __attribute__((vector_size(64), aligned(8), may_alias));
/// Lane mask, or the bits of a Vec8d.
typedef std::int64_t Mask8d __attribute__((vector_size(64), may_alias));
inline constexpr int kLanes8d = 8;

ENGRAM_ALWAYS_INLINE Vec8d load8d(const double* p) {
  return *reinterpret_cast<const UnalignedVec8d*>(p);
}
ENGRAM_ALWAYS_INLINE void store8d(double* p, Vec8d v) {
  *reinterpret_cast<UnalignedVec8d*>(p) = v;
}
ENGRAM_ALWAYS_INLINE Vec8d broadcast8d(double v) {
  return Vec8d{} + v;
}
ENGRAM_ALWAYS_INLINE Mask8d bits_of(Vec8d v) {
  return reinterpret_cast<Mask8d&>(v);
}
ENGRAM_ALWAYS_INLINE Vec8d from_bits(Mask8d m) {
  return reinterpret_cast<Vec8d&>(m);
}

/// Sum of the 8 lanes, added as a tree.
ENGRAM_ALWAYS_INLINE double sum_lanes8d(Vec8d v) {
  v += __builtin_shufflevector(v, v, 4, 5, 6, 7, 0, 1, 2, 3);
  v += __builtin_shufflevector(v, v, 2, 3, 0, 1, 6, 7, 4, 5);
  return v[0] + v[1];
}

/// 4 f64 lanes, and the same at any address: for sums that have to stay in registers without AVX-512 too, where the
/// compiler keeps eight-lane variables in memory.
typedef double Vec4d __attribute__((vector_size(32), may_alias));
typedef double UnalignedVec4d __attribute__((vector_size(32), aligned(8), may_alias));

ENGRAM_ALWAYS_INLINE Vec4d load4d(const double* p) {
  return *reinterpret_cast<const UnalignedVec4d*>(p);
}
ENGRAM_ALWAYS_INLINE void store4d(double* p, Vec4d v) {
  *reinterpret_cast<UnalignedVec4d*>(p) = v;
}

/// Sum of the 4 lanes, added as a tree.
ENGRAM_ALWAYS_INLINE double sum_lanes4d(Vec4d v) {
  v += __builtin_shufflevector(v, v, 2, 3, 0, 1);
  return v[0] + v[1];
}

/// Loads `count` (0 to 8) values; the other lanes are `fill`.
ENGRAM_ALWAYS_INLINE Vec8d load_partial8d(const double* p, dim_t count, double fill) {
  double lanes[8];
  for (int i = 0; i < 8; ++i) lanes[i] = i < int(count) ? p[i] : fill;
  return load8d(lanes);
}

/// Stores the first `count` (0 to 8) lanes.
ENGRAM_ALWAYS_INLINE void store_partial8d(double* p, Vec8d v, dim_t count) {
  double lanes[8];
  store8d(lanes, v);
  for (int i = 0; i < 8; ++i)
    if (i < int(count)) p[i] = lanes[i];
}

/// 2^exponent, exponent in [-1022, 1023].
ENGRAM_ALWAYS_INLINE Vec8d power_of_two8d(Mask8d exponent) {
  return from_bits((exponent + 1023) << 52);
}

/// e^x: Cody-Waite reduction to |r| <= ln 2 / 2 and the Taylor polynomial of degree 13 (remainder below 5e-18). Error
/// below 1.5 ulp; exactly 1 at 0; 0 below -746, infinity above 709.79, NaN stays.
ENGRAM_ALWAYS_INLINE Vec8d exp8d(Vec8d x) {
  constexpr double kRound = 6755399441055744.0;  // 1.5 * 2^52: adding it rounds to the nearest integer
  x = x > 710. ? broadcast8d(710.) : x;
  x = x < -746. ? broadcast8d(-746.) : x;
  const Vec8d shifted = x * 1.4426950408889634 + kRound;
  const Vec8d n = shifted - kRound;
  // ln 2 in two parts; the first has 32 significant bits, so n times it is exact.
  const Vec8d r = (x - n * 0x1.62e42feep-1) - n * 0x1.a39ef35793c76p-33;
  Vec8d q = broadcast8d(1. / 6227020800.);
  q = q * r + 1. / 479001600.;
  q = q * r + 1. / 39916800.;
  q = q * r + 1. / 3628800.;
  q = q * r + 1. / 362880.;
  q = q * r + 1. / 40320.;
  q = q * r + 1. / 5040.;
  q = q * r + 1. / 720.;
  q = q * r + 1. / 120.;
  q = q * r + 1. / 24.;
  q = q * r + 1. / 6.;
  q = q * r + 0.5;
  const Vec8d e = 1. + (r + r * r * q);
  // The exponent reaches -1076 and 1024, so it is applied in two factors.
  const Mask8d exponent = bits_of(shifted) - 0x4338000000000000;
  const Mask8d half = exponent >> 1;
  return e * power_of_two8d(half) * power_of_two8d(exponent - half);
}

/// ln x for x normal, 0 (gives -infinity) or infinity: x = 2^k m with m in [sqrt(1/2), sqrt(2)), ln m = 2 atanh((m - 1)
/// / (m + 1)) by its series. Error below 2 ulp; a subnormal counts as 0; NaN and negative x give NaN.
ENGRAM_ALWAYS_INLINE Vec8d log8d(Vec8d x) {
  constexpr std::int64_t kSqrtHalf = 0x3fe6a09e667f3bcd;
  const Mask8d bits = bits_of(x);
  const Mask8d k = (bits - kSqrtHalf) >> 52;
  const Vec8d m = from_bits(bits - (k << 52));
  const Vec8d f = m - 1.;
  const Vec8d s = f / (2. + f), s2 = s * s;
  Vec8d q = broadcast8d(1. / 21.);
  q = q * s2 + 1. / 19.;
  q = q * s2 + 1. / 17.;
  q = q * s2 + 1. / 15.;
  q = q * s2 + 1. / 13.;
  q = q * s2 + 1. / 11.;
  q = q * s2 + 1. / 9.;
  q = q * s2 + 1. / 7.;
  q = q * s2 + 1. / 5.;
  q = q * s2 + 1. / 3.;
  const Vec8d kd = __builtin_convertvector(k, Vec8d);
  const Vec8d y = kd * 0x1.62e42feep-1 + ((s + s) + ((s + s) * s2 * q + kd * 0x1.a39ef35793c76p-33));
  const Vec8d infinity = broadcast8d(__builtin_inf());
  const Vec8d low = x < 0x1p-1022 ? (x < 0. ? broadcast8d(__builtin_nan("")) : -infinity) : y;
  return x < infinity ? low : x;  // infinity and NaN stay
}

}  // namespace engram::kernels
