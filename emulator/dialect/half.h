#pragma once
/// __half, __half2, __nv_bfloat16, __nv_bfloat162: storage, conversion to nearest even, and arithmetic that computes in
/// f32 and rounds once. Own types, so that kernels run the same with and without the CUDA toolkit.

#include <bit>
#include <cmath>
#include <cstdint>

#include "emulator/dialect/keywords.h"
#include "emulator/dialect/vector_types.h"

namespace emu {

/// IEEE binary16 bits of a value, nearest even.
constexpr std::uint16_t half_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const auto sign = std::uint16_t(bits >> 16 & 0x8000u);
  const std::uint32_t magnitude = bits & 0x7fffffffu;
  if (magnitude > 0x7f800000u) return std::uint16_t(0x7fffu);          // NaN: CUDA's canonical one
  if (magnitude >= 0x477ff000u) return std::uint16_t(sign | 0x7c00u);  // 65520 and above round to infinity
  if (magnitude < 0x33000001u) return sign;                            // at most half of the smallest subnormal
  const int exponent = int(magnitude >> 23) - 127;
  const std::uint32_t significand = (magnitude & 0x7fffffu) | 0x800000u;
  const int shift = exponent < -14 ? -exponent - 1 : 13;  // subnormals lose more bits
  const std::uint32_t biased = exponent < -14 ? 0u : std::uint32_t(exponent + 14) << 10;
  const std::uint32_t kept = significand >> shift, rest = significand & ((1u << shift) - 1), tie = 1u << (shift - 1);
  return std::uint16_t(sign | (biased + kept + (rest > tie || (rest == tie && (kept & 1u)) ? 1u : 0u)));
}

/// The value of binary16 bits.
constexpr float half_value(std::uint16_t bits) {
  const std::uint32_t sign = std::uint32_t(bits & 0x8000u) << 16, rest = bits & 0x7fffu;
  if (rest >= 0x7c00u) return std::bit_cast<float>(sign | 0x7f800000u | (rest & 0x3ffu) << 13);
  if (rest >= 0x0400u) return std::bit_cast<float>(sign | ((rest << 13) + (112u << 23)));
  const float magnitude = float(rest) * 0x1p-24f;
  return sign ? -magnitude : magnitude;
}

/// bfloat16 bits of a value, nearest even.
constexpr std::uint16_t bfloat16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  if ((bits & 0x7fffffffu) > 0x7f800000u) return 0x7fffu;
  return std::uint16_t((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}

/// The value of bfloat16 bits.
constexpr float bfloat16_value(std::uint16_t bits) {
  return std::bit_cast<float>(std::uint32_t{bits} << 16);
}

}  // namespace emu

#define EMU_HALF_TYPE(name, pair, encode, decode)                                        \
  struct name {                                                                          \
    std::uint16_t bits;                                                                  \
    name() = default;                                                                    \
    constexpr name(float v) : bits(emu::encode(v)) {}                                    \
    constexpr explicit name(double v) : bits(emu::encode(float(v))) {}                   \
    constexpr explicit name(int v) : bits(emu::encode(float(v))) {}                      \
    constexpr operator float() const { return emu::decode(bits); }                       \
    constexpr name& operator+=(name v) { return *this = name(float(*this) + float(v)); } \
    constexpr name& operator-=(name v) { return *this = name(float(*this) - float(v)); } \
    constexpr name& operator*=(name v) { return *this = name(float(*this) * float(v)); } \
    constexpr name& operator/=(name v) { return *this = name(float(*this) / float(v)); } \
  };                                                                                     \
  constexpr name operator+(name a, name b) {                                             \
    return name(float(a) + float(b));                                                    \
  }                                                                                      \
  constexpr name operator-(name a, name b) {                                             \
    return name(float(a) - float(b));                                                    \
  }                                                                                      \
  constexpr name operator*(name a, name b) {                                             \
    return name(float(a) * float(b));                                                    \
  }                                                                                      \
  constexpr name operator/(name a, name b) {                                             \
    return name(float(a) / float(b));                                                    \
  }                                                                                      \
  constexpr name operator-(name a) {                                                     \
    return name(-float(a));                                                              \
  }                                                                                      \
  constexpr bool operator==(name a, name b) {                                            \
    return float(a) == float(b);                                                         \
  }                                                                                      \
  constexpr bool operator!=(name a, name b) {                                            \
    return float(a) != float(b);                                                         \
  }                                                                                      \
  constexpr bool operator<(name a, name b) {                                             \
    return float(a) < float(b);                                                          \
  }                                                                                      \
  constexpr bool operator>(name a, name b) {                                             \
    return float(a) > float(b);                                                          \
  }                                                                                      \
  constexpr bool operator<=(name a, name b) {                                            \
    return float(a) <= float(b);                                                         \
  }                                                                                      \
  constexpr bool operator>=(name a, name b) {                                            \
    return float(a) >= float(b);                                                         \
  }                                                                                      \
  constexpr name __hadd(name a, name b) {                                                \
    return a + b;                                                                        \
  }                                                                                      \
  constexpr name __hsub(name a, name b) {                                                \
    return a - b;                                                                        \
  }                                                                                      \
  constexpr name __hmul(name a, name b) {                                                \
    return a * b;                                                                        \
  }                                                                                      \
  constexpr name __hdiv(name a, name b) {                                                \
    return a / b;                                                                        \
  }                                                                                      \
  constexpr name __hneg(name a) {                                                        \
    return -a;                                                                           \
  }                                                                                      \
  constexpr name __hmax(name a, name b) {                                                \
    return float(a) != float(a) || b > a ? b : a;                                        \
  }                                                                                      \
  constexpr name __hmin(name a, name b) {                                                \
    return float(a) != float(a) || b < a ? b : a;                                        \
  }                                                                                      \
  inline name __hfma(name a, name b, name c) {                                           \
    return name(std::fma(float(a), float(b), float(c)));                                 \
  }                                                                                      \
  inline bool __hisnan(name a) {                                                         \
    return std::isnan(float(a));                                                         \
  }                                                                                      \
  struct alignas(4) pair {                                                               \
    name x, y;                                                                           \
    EMU_VECTOR_COPIES(pair)                                                              \
    constexpr pair(name x_, name y_) : x(x_), y(y_) {}                                   \
  };                                                                                     \
  inline pair __hadd2(pair a, pair b) {                                                  \
    return pair(a.x + b.x, a.y + b.y);                                                   \
  }                                                                                      \
  inline pair __hsub2(pair a, pair b) {                                                  \
    return pair(a.x - b.x, a.y - b.y);                                                   \
  }                                                                                      \
  inline pair __hmul2(pair a, pair b) {                                                  \
    return pair(a.x * b.x, a.y * b.y);                                                   \
  }                                                                                      \
  inline pair __hfma2(pair a, pair b, pair c) {                                          \
    return pair(__hfma(a.x, b.x, c.x), __hfma(a.y, b.y, c.y));                           \
  }                                                                                      \
  inline float __low2float(pair v) {                                                     \
    return float(v.x);                                                                   \
  }                                                                                      \
  inline float __high2float(pair v) {                                                    \
    return float(v.y);                                                                   \
  }

EMU_HALF_TYPE(__half, __half2, half_bits, half_value)
EMU_HALF_TYPE(__nv_bfloat16, __nv_bfloat162, bfloat16_bits, bfloat16_value)
#undef EMU_HALF_TYPE

using half = __half;
using half2 = __half2;
using nv_bfloat16 = __nv_bfloat16;
using nv_bfloat162 = __nv_bfloat162;

constexpr __half __float2half(float v) {
  return __half(v);
}
constexpr __half __float2half_rn(float v) {
  return __half(v);
}
constexpr float __half2float(__half v) {
  return float(v);
}
inline __half2 __floats2half2_rn(float x, float y) {
  return __half2(__half(x), __half(y));
}
inline __half2 __float22half2_rn(float2 v) {
  return __half2(__half(v.x), __half(v.y));
}
inline __half2 __halves2half2(__half x, __half y) {
  return __half2(x, y);
}
inline __half2 __float2half2_rn(float v) {
  return __half2(__half(v), __half(v));
}
inline float2 __half22float2(__half2 v) {
  return float2(float(v.x), float(v.y));
}
constexpr unsigned short __half_as_ushort(__half v) {
  return v.bits;
}
constexpr __half __ushort_as_half(unsigned short bits) {
  return std::bit_cast<__half>(bits);
}

constexpr __nv_bfloat16 __float2bfloat16(float v) {
  return __nv_bfloat16(v);
}
constexpr __nv_bfloat16 __float2bfloat16_rn(float v) {
  return __nv_bfloat16(v);
}
constexpr float __bfloat162float(__nv_bfloat16 v) {
  return float(v);
}
inline __nv_bfloat162 __floats2bfloat162_rn(float x, float y) {
  return __nv_bfloat162(__nv_bfloat16(x), __nv_bfloat16(y));
}
inline __nv_bfloat162 __float22bfloat162_rn(float2 v) {
  return __floats2bfloat162_rn(v.x, v.y);
}
inline __nv_bfloat162 __halves2bfloat162(__nv_bfloat16 x, __nv_bfloat16 y) {
  return __nv_bfloat162(x, y);
}
inline __nv_bfloat162 __float2bfloat162_rn(float v) {
  return __floats2bfloat162_rn(v, v);
}
inline float2 __bfloat1622float2(__nv_bfloat162 v) {
  return float2(float(v.x), float(v.y));
}
constexpr unsigned short __bfloat16_as_ushort(__nv_bfloat16 v) {
  return v.bits;
}
constexpr __nv_bfloat16 __ushort_as_bfloat16(unsigned short bits) {
  return std::bit_cast<__nv_bfloat16>(bits);
}
