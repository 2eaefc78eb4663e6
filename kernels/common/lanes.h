#pragma once
/// Sixteen f32 lanes in the registers that an instruction set has, for kernels that are written once as a template over
/// the vector and compiled for each set (ENGRAM_FOR_EACH_INSTRUCTION_SET): one of 16, two of 8 or four of 4.
///
/// GCC 12 keeps a Vec16 in memory where no register holds it (also on its way to a store), and turns its comparisons
/// and selections into sixteen scalar ones. Here an operation on a pair is the operation on its halves. Lane i, and so
/// the order of a sum over lanes, is the same in all three.

#include <cstdint>
#include <type_traits>
#include <utility>

#include "kernels/common/instruction_set.h"
#include "kernels/common/simd.h"

namespace engram::kernels {

typedef float Float4 __attribute__((vector_size(16)));
typedef float Float8 __attribute__((vector_size(32)));
typedef float Float16 __attribute__((vector_size(64)));
typedef std::int32_t Int4 __attribute__((vector_size(16)));
typedef std::int32_t Int8 __attribute__((vector_size(32)));
typedef std::int32_t Int16 __attribute__((vector_size(64)));

/// Two vectors of floats, integers or lane masks side by side; the first lanes are in `low`.
template <class Half>
struct LanePair {
  Half low, high;
};

using Avx512Vector = Float16;                       ///< in functions compiled with ENGRAM_AVX512
using Avx2Vector = LanePair<Float8>;                ///< with ENGRAM_AVX2
using BaselineVector = LanePair<LanePair<Float4>>;  ///< in those for any processor

template <class V>
inline constexpr bool kIsPair = false;
template <class Half>
inline constexpr bool kIsPair<LanePair<Half>> = true;
template <class V>
inline constexpr int kLanes = sizeof(V) / 4;

/// Type of a lane.
template <class V>
struct LaneOf {
  using Type = std::remove_reference_t<decltype(std::declval<V&>()[0])>;
};
template <class Half>
struct LaneOf<LanePair<Half>> : LaneOf<Half> {};
template <class V>
using Lane = typename LaneOf<V>::Type;
/// Type of a comparison's result.
template <class V>
using MaskOf = decltype(std::declval<V>() < std::declval<V>());

// Operators on pairs; one operand may be a scalar, of which every lane gets the value. A comparison gives a mask: -1 or
// 0 in each lane.
#define ENGRAM_LANE_OPERATOR(op)                                                 \
  template <class Half>                                                          \
  ENGRAM_ALWAYS_INLINE auto operator op(LanePair<Half> a, LanePair<Half> b) {    \
    return LanePair<decltype(a.low op b.low)>{a.low op b.low, a.high op b.high}; \
  }                                                                              \
  template <class Half>                                                          \
  ENGRAM_ALWAYS_INLINE auto operator op(LanePair<Half> a, Lane<Half> b) {        \
    return LanePair<decltype(a.low op b)>{a.low op b, a.high op b};              \
  }                                                                              \
  template <class Half>                                                          \
  ENGRAM_ALWAYS_INLINE auto operator op(Lane<Half> a, LanePair<Half> b) {        \
    return LanePair<decltype(a op b.low)>{a op b.low, a op b.high};              \
  }
ENGRAM_LANE_OPERATOR(+)
ENGRAM_LANE_OPERATOR(-)
ENGRAM_LANE_OPERATOR(*)
ENGRAM_LANE_OPERATOR(/)
ENGRAM_LANE_OPERATOR(&)
ENGRAM_LANE_OPERATOR(|)
ENGRAM_LANE_OPERATOR(<<)
ENGRAM_LANE_OPERATOR(>>)
ENGRAM_LANE_OPERATOR(<)
ENGRAM_LANE_OPERATOR(<=)
ENGRAM_LANE_OPERATOR(>)
ENGRAM_LANE_OPERATOR(==)
#undef ENGRAM_LANE_OPERATOR

template <class Half>
ENGRAM_ALWAYS_INLINE LanePair<Half>& operator+=(LanePair<Half>& a, LanePair<Half> b) {
  return a = a + b;
}
template <class Half>
ENGRAM_ALWAYS_INLINE LanePair<Half>& operator*=(LanePair<Half>& a, LanePair<Half> b) {
  return a = a * b;
}

/// `yes` in the lanes of the mask, `no` in the others.
template <class Mask, class V>
ENGRAM_ALWAYS_INLINE V select(Mask mask, V yes, V no) {
  if constexpr (kIsPair<V>) {
    return {select(mask.low, yes.low, no.low), select(mask.high, yes.high, no.high)};
  } else {
    return mask ? yes : no;
  }
}

/// The bits of floats as integers, and back.
ENGRAM_ALWAYS_INLINE Int4 bits_of(Float4 v) {
  return Int4(v);
}
ENGRAM_ALWAYS_INLINE Int8 bits_of(Float8 v) {
  return Int8(v);
}
ENGRAM_ALWAYS_INLINE Mask16 bits_of(Vec16 v) {
  return reinterpret_cast<Mask16&>(v);
}
template <class Half>
ENGRAM_ALWAYS_INLINE auto bits_of(LanePair<Half> v) {
  return LanePair<decltype(bits_of(v.low))>{bits_of(v.low), bits_of(v.high)};
}
ENGRAM_ALWAYS_INLINE Float4 from_bits(Int4 v) {
  return Float4(v);
}
ENGRAM_ALWAYS_INLINE Float8 from_bits(Int8 v) {
  return Float8(v);
}
ENGRAM_ALWAYS_INLINE Vec16 from_bits(Mask16 v) {
  return reinterpret_cast<Vec16&>(v);
}
template <class Half>
ENGRAM_ALWAYS_INLINE auto from_bits(LanePair<Half> v) {
  return LanePair<decltype(from_bits(v.low))>{from_bits(v.low), from_bits(v.high)};
}

/// |v|.
template <class V>
ENGRAM_ALWAYS_INLINE V abs16(V v) {
  return from_bits(bits_of(v) & INT32_MAX);
}

/// Integers as floats.
ENGRAM_ALWAYS_INLINE Float4 to_floats(Int4 v) {
  return __builtin_convertvector(v, Float4);
}
ENGRAM_ALWAYS_INLINE Float8 to_floats(Int8 v) {
  return __builtin_convertvector(v, Float8);
}
ENGRAM_ALWAYS_INLINE Float16 to_floats(Int16 v) {
  return __builtin_convertvector(v, Float16);
}
template <class Half>
ENGRAM_ALWAYS_INLINE auto to_floats(LanePair<Half> v) {
  return LanePair<decltype(to_floats(v.low))>{to_floats(v.low), to_floats(v.high)};
}

/// The same value in every lane.
template <class V>
ENGRAM_ALWAYS_INLINE V splat(Lane<V> value) {
  if constexpr (kIsPair<V>) {
    const auto half = splat<decltype(V::low)>(value);
    return {half, half};
  } else {
    return value - V{};  // the compiler drops the zero, as it may not in a sum: -0 + 0 is 0
  }
}

/// The same vector at any address.
template <class V>
struct Unaligned;
template <>
struct Unaligned<Float4> {
  typedef float Type __attribute__((vector_size(16), aligned(4), may_alias));
};
template <>
struct Unaligned<Float8> {
  typedef float Type __attribute__((vector_size(32), aligned(4), may_alias));
};
template <>
struct Unaligned<Float16> {
  typedef Vec16 Type;
};

template <class V>
ENGRAM_ALWAYS_INLINE V load16(const float* p) {
  if constexpr (kIsPair<V>) {
    using Half = decltype(V::low);
    return {load16<Half>(p), load16<Half>(p + kLanes<Half>)};
  } else {
    return *reinterpret_cast<const typename Unaligned<V>::Type*>(p);
  }
}
template <class V>
ENGRAM_ALWAYS_INLINE void store16(float* p, V v) {
  if constexpr (kIsPair<V>) {
    store16(p, v.low);
    store16(p + kLanes<decltype(v.low)>, v.high);
  } else {
    *reinterpret_cast<typename Unaligned<V>::Type*>(p) = v;
  }
}

/// 0, 1, 2, ...
template <class V>
inline constexpr auto kLaneIndex = 0;
template <>
inline constexpr Int4 kLaneIndex<Float4> = {0, 1, 2, 3};
template <>
inline constexpr Int8 kLaneIndex<Float8> = {0, 1, 2, 3, 4, 5, 6, 7};
template <>
inline constexpr Int16 kLaneIndex<Float16> = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};

/// Mask of the first `count` lanes.
template <class V = Float16>
ENGRAM_ALWAYS_INLINE auto first_lanes16(dim_t count) {
  if constexpr (kIsPair<V>) {
    using Half = decltype(V::low);
    return LanePair<MaskOf<Half>>{first_lanes16<Half>(count), first_lanes16<Half>(count - kLanes<Half>)};
  } else {
    return kLaneIndex<V> < MaskOf<V>{} + std::int32_t(count);
  }
}

/// Mask of lane `lane`; of none where there is no such lane.
template <class V>
ENGRAM_ALWAYS_INLINE auto lane16(dim_t lane) {
  if constexpr (kIsPair<V>) {
    using Half = decltype(V::low);
    return LanePair<MaskOf<Half>>{lane16<Half>(lane), lane16<Half>(lane - kLanes<Half>)};
  } else {
    return kLaneIndex<V> == MaskOf<V>{} + std::int32_t(lane);
  }
}

#if defined(ENGRAM_HAS_INSTRUCTION_SETS)
/// The lanes of the mask, 0 in the others, which are not read.
ENGRAM_ALWAYS_INLINE Float8 load_masked_avx2(const float* p, Int8 mask) {
  Float8 v;
  __asm__("vmaskmovps %2, %1, %0" : "=x"(v) : "x"(mask), "m"(*reinterpret_cast<const Unaligned<Float8>::Type*>(p)));
  return v;
}
#endif

/// Loads `count` (0 to 16) values; the other lanes are `fill`. Without masked loads they go through memory.
template <class V = Float16>
ENGRAM_ALWAYS_INLINE V load_partial16(const float* p, dim_t count, float fill) {
#if defined(ENGRAM_HAS_INSTRUCTION_SETS)
  if constexpr (std::is_same_v<V, Avx2Vector>) {
    const auto mask = first_lanes16<V>(count);
    return select(mask, V{load_masked_avx2(p, mask.low), load_masked_avx2(p + 8, mask.high)}, splat<V>(fill));
  }
#endif
  float lanes[16];  // the compiler makes one masked load of this loop where there is one
  for (int i = 0; i < 16; ++i) lanes[i] = i < int(count) ? p[i] : fill;
  return load16<V>(lanes);
}

/// Copies `kCount` values and moves on, if that bit of `count` is set.
template <int kCount>
ENGRAM_ALWAYS_INLINE void copy_piece(float*& to, const float*& from, dim_t count) {
  if (!(count & kCount)) return;
  __builtin_memcpy(to, from, kCount * sizeof(float));
  to += kCount;
  from += kCount;
}

/// Stores the first `count` (0 to 16) lanes, in at most four pieces: one masked store is slow on AVX2, and GCC 12 makes
/// none of a loop.
template <class V>
ENGRAM_ALWAYS_INLINE void store_partial16(float* p, V v, dim_t count) {
  float lanes[16];
  store16(lanes, v);
  const float* from = lanes;
  copy_piece<16>(p, from, count);
  copy_piece<8>(p, from, count);
  copy_piece<4>(p, from, count);
  copy_piece<2>(p, from, count);
  copy_piece<1>(p, from, count);
}

/// Lane by lane the larger value; a NaN in `b` is kept.
template <class V>
ENGRAM_ALWAYS_INLINE V max16(V a, V b) {
  return select(a > b, a, b);
}

/// -1, 0 or 1; 0 for a NaN.
template <class V>
ENGRAM_ALWAYS_INLINE V sign16(V v) {
  return select(v > 0.f, splat<V>(1.f), V{}) - select(v < 0.f, splat<V>(1.f), V{});
}

/// Joins the lanes by halving, always in the same order: join(a, b) of the two halves, whose lanes are then joined.
template <class V, class Join>
ENGRAM_ALWAYS_INLINE float join_lanes(V v, const Join& join) {
  if constexpr (kIsPair<V>) {
    return join_lanes(join(v.low, v.high), join);
  } else if constexpr (std::is_same_v<V, Float4>) {
    v = join(v, __builtin_shufflevector(v, v, 2, 3, 2, 3));
    return join(v[0], v[1]);
  } else if constexpr (std::is_same_v<V, Float8>) {
    const Float4 low = __builtin_shufflevector(v, v, 0, 1, 2, 3), high = __builtin_shufflevector(v, v, 4, 5, 6, 7);
    return join_lanes(join(low, high), join);
  } else {
    v = join(v, __builtin_shuffle(v, Mask16{8, 9, 10, 11, 12, 13, 14, 15, 8, 9, 10, 11, 12, 13, 14, 15}));
    v = join(v, __builtin_shuffle(v, Mask16{4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7, 4, 5, 6, 7}));
    v = join(v, __builtin_shuffle(v, Mask16{2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3, 2, 3}));
    return join(v[0], v[1]);
  }
}

/// Sum of the lanes.
template <class V>
ENGRAM_ALWAYS_INLINE float sum_lanes(V v) {
  return join_lanes(
      v, [](auto a, auto b) __attribute__((always_inline)) { return a + b; });
}

/// Largest lane.
template <class V>
ENGRAM_ALWAYS_INLINE float max_lanes(V v) {
  return join_lanes(
      v, [](auto a, auto b) __attribute__((always_inline)) { return max16(a, b); });
}

}  // namespace engram::kernels
