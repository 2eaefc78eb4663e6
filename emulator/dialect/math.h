#pragma once
/// CUDA's device mathematics beyond <cmath>: bit tools, casts, rounding variants, approximate functions (computed
/// exactly rounded here: the GPU's approximations are not emulated), cache-hinted loads and stores.

#include <bit>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <type_traits>

using std::isfinite;
using std::isinf;
using std::isnan;

/// min and max of any two numbers, in their common type; fminf semantics for floating point.
template <class A, class B>
requires(std::is_arithmetic_v<A>&& std::is_arithmetic_v<B>) constexpr std::common_type_t<A, B> min(A a, B b) {
  using T = std::common_type_t<A, B>;
  if constexpr (std::is_floating_point_v<T>) return std::fmin(T(a), T(b));
  return T(b) < T(a) ? T(b) : T(a);
}
template <class A, class B>
requires(std::is_arithmetic_v<A>&& std::is_arithmetic_v<B>) constexpr std::common_type_t<A, B> max(A a, B b) {
  using T = std::common_type_t<A, B>;
  if constexpr (std::is_floating_point_v<T>) return std::fmax(T(a), T(b));
  return T(a) < T(b) ? T(b) : T(a);
}

inline int __popc(unsigned v) {
  return std::popcount(v);
}
inline int __popcll(unsigned long long v) {
  return std::popcount(v);
}
inline int __clz(int v) {
  return std::countl_zero(unsigned(v));
}
inline int __clzll(long long v) {
  return std::countl_zero(static_cast<unsigned long long>(v));
}
inline int __ffs(int v) {
  return __builtin_ffs(v);
}
inline int __ffsll(long long v) {
  return __builtin_ffsll(v);
}
inline unsigned __umulhi(unsigned a, unsigned b) {
  return unsigned(std::uint64_t{a} * b >> 32);
}
inline int __mulhi(int a, int b) {
  return int(std::int64_t{a} * b >> 32);
}
inline unsigned __brev(unsigned v) {
  unsigned r = 0;
  for (int i = 0; i < 32; ++i) r |= (v >> i & 1u) << (31 - i);
  return r;
}
inline unsigned __funnelshift_l(unsigned low, unsigned high, unsigned shift) {
  return unsigned((std::uint64_t{high} << 32 | low) << (shift & 31u) >> 32);
}
inline unsigned __funnelshift_r(unsigned low, unsigned high, unsigned shift) {
  return unsigned((std::uint64_t{high} << 32 | low) >> (shift & 31u));
}
inline unsigned __byte_perm(unsigned a, unsigned b, unsigned selector) {
  const std::uint64_t bytes = std::uint64_t{b} << 32 | a;
  unsigned r = 0;
  for (int i = 0; i < 4; ++i) r |= unsigned(bytes >> 8 * (selector >> 4 * i & 7u) & 0xffu) << 8 * i;
  return r;
}

inline int __float_as_int(float v) {
  return std::bit_cast<int>(v);
}
inline unsigned __float_as_uint(float v) {
  return std::bit_cast<unsigned>(v);
}
inline float __int_as_float(int v) {
  return std::bit_cast<float>(v);
}
inline float __uint_as_float(unsigned v) {
  return std::bit_cast<float>(v);
}
inline long long __double_as_longlong(double v) {
  return std::bit_cast<long long>(v);
}
inline double __longlong_as_double(long long v) {
  return std::bit_cast<double>(v);
}
inline int __float2int_rn(float v) {
  return int(std::nearbyint(v));
}
inline int __float2int_rz(float v) {
  return int(v);
}
inline int __float2int_rd(float v) {
  return int(std::floor(v));
}
inline int __float2int_ru(float v) {
  return int(std::ceil(v));
}
inline unsigned __float2uint_rn(float v) {
  return unsigned(std::nearbyint(v));
}
inline unsigned __float2uint_rz(float v) {
  return unsigned(v);
}
inline float __int2float_rn(int v) {
  return float(v);
}
inline float __uint2float_rn(unsigned v) {
  return float(v);
}

inline float rsqrtf(float v) {
  return 1.0f / std::sqrt(v);
}
inline double rsqrt(double v) {
  return 1.0 / std::sqrt(v);
}
inline float __frsqrt_rn(float v) {
  return float(1.0 / std::sqrt(double(v)));
}
inline float __fsqrt_rn(float v) {
  return std::sqrt(v);
}
inline float __frcp_rn(float v) {
  return 1.0f / v;
}
inline float __fdiv_rn(float a, float b) {
  return a / b;
}
inline float __fadd_rn(float a, float b) {
  return a + b;
}
inline float __fsub_rn(float a, float b) {
  return a - b;
}
inline float __fmul_rn(float a, float b) {
  return a * b;
}
inline float __fmaf_rn(float a, float b, float c) {
  return std::fma(a, b, c);
}
inline double __dadd_rn(double a, double b) {
  return a + b;
}
inline double __dmul_rn(double a, double b) {
  return a * b;
}
inline double __fma_rn(double a, double b, double c) {
  return std::fma(a, b, c);
}
inline float __saturatef(float v) {
  return v > 0.0f ? (v < 1.0f ? v : 1.0f) : 0.0f;
}
inline float __expf(float v) {
  return std::exp(v);
}
inline float __exp10f(float v) {
  return std::pow(10.0f, v);
}
inline float __logf(float v) {
  return std::log(v);
}
inline float __log2f(float v) {
  return std::log2(v);
}
inline float __sinf(float v) {
  return std::sin(v);
}
inline float __cosf(float v) {
  return std::cos(v);
}
inline float __powf(float a, float b) {
  return std::pow(a, b);
}
inline float __fdividef(float a, float b) {
  return a / b;
}
inline void sincospif(float v, float* sine, float* cosine) {
  const double angle = 3.14159265358979323846 * double(v);
  *sine = float(std::sin(angle));
  *cosine = float(std::cos(angle));
}
inline float cospif(float v) {
  return float(std::cos(3.14159265358979323846 * double(v)));
}
inline float sinpif(float v) {
  return float(std::sin(3.14159265358979323846 * double(v)));
}

// Hints for the caches: plain accesses here.
#define EMU_LOAD(name)                       \
  template <class T>                         \
  __forceinline__ T name(const T* address) { \
    return *address;                         \
  }
#define EMU_STORE(name)                                                     \
  template <class T>                                                        \
  __forceinline__ void name(T* address, const std::type_identity_t<T>& v) { \
    *address = v;                                                           \
  }
EMU_LOAD(__ldg)
EMU_LOAD(__ldca)
EMU_LOAD(__ldcg)
EMU_LOAD(__ldcs)
EMU_LOAD(__ldlu)
EMU_LOAD(__ldcv)
EMU_STORE(__stwb)
EMU_STORE(__stcg)
EMU_STORE(__stcs)
EMU_STORE(__stwt)
#undef EMU_LOAD
#undef EMU_STORE
