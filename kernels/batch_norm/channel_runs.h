#pragma once
/// The inner loops of channel_passes.h and the walk over an activation's vectors. Everything is inlined into one
/// function for each instruction set.

#include <cstring>

#include "kernels/batch_norm/channel_passes.h"
#include "kernels/common/instruction_set.h"
#include "kernels/common/simd.h"

namespace engram::kernels {

/// Consecutive vectors whose lanes have the same channels.
struct ChannelRun {
  enum class Lanes { kBlock, kUniform, kMixed };
  dim_t vectors;    ///< 1 for kMixed
  int valid_lanes;  ///< below 16 only in the last vector of an activation
  Lanes lanes;
  dim_t channel;       ///< first channel of a kBlock, the channel of a kUniform run
  dim_t channels[16];  ///< of each valid lane of a kMixed run
};

/// The run that starts with vector `vector` (elements 16 vector and up), cut at vector `end`.
ChannelRun next_run(const ActivationShape& shape, dim_t vector, dim_t end);

/// Writes the 16 per-channel values of a run's lanes; `otherwise` where there are none.
void store_lane_values(const ChannelRun& run, const float* per_channel, float otherwise, float* values);

// How an instruction set computes with the 16 lanes of a vector: a struct with the types Vector (16 floats) and Mask,
// and the functions load, store, splat, not_positive, select, mask_word and masked. Operators on Vector come with it.

/// Compiled for no particular instruction set. Comparisons and selections are integer arithmetic, which GCC 12 splits
/// well: it turns those of a vector that is wider than the registers into 16 scalar ones.
struct BaselineLanes {
  using Vector = Vec16;
  using Mask = Mask16;
  static constexpr int kSums = 1;  ///< accumulators of a sum, a power of two: more are faster, and more accurate

  static ENGRAM_ALWAYS_INLINE Vector load(const float* p) { return load16(p); }
  static ENGRAM_ALWAYS_INLINE void store(float* p, Vector v) { store16(p, v); }
  static ENGRAM_ALWAYS_INLINE Vector splat(float v) { return broadcast16(v); }

  /// One bit a lane.
  static ENGRAM_ALWAYS_INLINE Mask lane_bits() {
    return Mask{1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
  }
  /// Lanes with v <= 0; a NaN is not.
  static ENGRAM_ALWAYS_INLINE Mask not_positive(Vector v) {
    const Mask bits = Mask(v), above_infinity = 0x7f800000 - (bits & 0x7fffffff);  // negative for a NaN
    return (((bits - 1) | bits) & ~above_infinity) >> 31;
  }
  static ENGRAM_ALWAYS_INLINE Vector select(Mask mask, Vector yes, Vector no) {
    return Vector((mask & Mask(yes)) | (~mask & Mask(no)));
  }
  /// Bit l of the result: not (v[l] <= 0).
  static ENGRAM_ALWAYS_INLINE std::uint16_t mask_word(Vector v) {
    // The lanes' bits differ, so an OR in any order collects them.
    typedef std::uint64_t Pair __attribute__((may_alias));
    const Mask set = ~not_positive(v) & lane_bits();
    const Pair* p = reinterpret_cast<const Pair*>(&set);
    const std::uint64_t all = ((p[0] | p[1]) | (p[2] | p[3])) | ((p[4] | p[5]) | (p[6] | p[7])), word = all | all >> 32;
    return std::uint16_t(word);
  }
  /// All ones in the lanes whose mask bit is set.
  static ENGRAM_ALWAYS_INLINE Mask unpack(std::uint16_t word) {
    const Mask set = (Mask{} + std::int32_t(word)) & lane_bits();
    return -set >> 31;
  }
  /// v in the lanes whose mask bit is set, else 0.
  static ENGRAM_ALWAYS_INLINE Vector masked(const std::uint16_t& word, Vector v) {
    return Vector(unpack(word) & Mask(v));
  }
};

#if defined(ENGRAM_HAS_INSTRUCTION_SETS)
/// One 512-bit register.
struct Avx512Lanes : BaselineLanes {
  static constexpr int kSums = 4;
  static ENGRAM_ALWAYS_INLINE Mask not_positive(Vector v) { return v <= 0; }
  static ENGRAM_ALWAYS_INLINE Vector select(Mask mask, Vector yes, Vector no) { return mask ? yes : no; }
  static ENGRAM_ALWAYS_INLINE std::uint16_t mask_word(Vector v) {
    // Predicate 22: not less or equal, true for a NaN. GCC 12 has no vector expression that ends in a mask register.
    std::uint32_t word;
    __asm__("vcmpps $22, %2, %1, %%k1\n\tkmovw %%k1, %0" : "=r"(word) : "v"(v), "v"(Vec16{}) : "k1");
    return std::uint16_t(word);
  }
  static ENGRAM_ALWAYS_INLINE Mask unpack(std::uint16_t word) {
    return ((Mask{} + std::int32_t(word)) & lane_bits()) != 0;
  }
  static ENGRAM_ALWAYS_INLINE Vector masked(const std::uint16_t& word, Vector v) {
    __asm__("kmovw %1, %%k1\n\tvmovaps %0, %0%{%%k1%}%{z%}" : "+v"(v) : "m"(word) : "k1");
    return v;
  }
};

/// Eight lanes, and two times eight: two 256-bit registers. GCC keeps a Vec16 in memory where no register holds it.
typedef float Vec8 __attribute__((vector_size(32), aligned(4), may_alias));
typedef std::int32_t Mask8 __attribute__((vector_size(32), aligned(4), may_alias));
struct VectorPair {
  Vec8 low, high;
};
struct MaskPair {
  Mask8 low, high;
};
ENGRAM_ALWAYS_INLINE VectorPair operator+(VectorPair a, VectorPair b) {
  return {a.low + b.low, a.high + b.high};
}
ENGRAM_ALWAYS_INLINE VectorPair operator-(VectorPair a, VectorPair b) {
  return {a.low - b.low, a.high - b.high};
}
ENGRAM_ALWAYS_INLINE VectorPair operator*(VectorPair a, VectorPair b) {
  return {a.low * b.low, a.high * b.high};
}
ENGRAM_ALWAYS_INLINE void operator+=(VectorPair& a, VectorPair b) {
  a = a + b;
}

struct Avx2Lanes {
  using Vector = VectorPair;
  using Mask = MaskPair;
  static constexpr int kSums = 4;

  static ENGRAM_ALWAYS_INLINE Vector load(const float* p) {
    return {*reinterpret_cast<const Vec8*>(p), *reinterpret_cast<const Vec8*>(p + 8)};
  }
  static ENGRAM_ALWAYS_INLINE void store(float* p, Vector v) {
    *reinterpret_cast<Vec8*>(p) = v.low;
    *reinterpret_cast<Vec8*>(p + 8) = v.high;
  }
  static ENGRAM_ALWAYS_INLINE Vector splat(float v) {
    const Vec8 all = {v, v, v, v, v, v, v, v};
    return {all, all};
  }
  static ENGRAM_ALWAYS_INLINE Mask not_positive(Vector v) { return {v.low <= 0, v.high <= 0}; }
  static ENGRAM_ALWAYS_INLINE Vector select(Mask mask, Vector yes, Vector no) {
    return {mask.low ? yes.low : no.low, mask.high ? yes.high : no.high};
  }
  static ENGRAM_ALWAYS_INLINE std::uint16_t mask_word(Vector v) {
    const Mask clear = not_positive(v);
    std::uint32_t low, high;
    __asm__("vmovmskps %1, %0" : "=r"(low) : "x"(clear.low));
    __asm__("vmovmskps %1, %0" : "=r"(high) : "x"(clear.high));
    return std::uint16_t(~(low | high << 8));
  }
  static ENGRAM_ALWAYS_INLINE Mask unpack(std::uint16_t word) {
    const Mask8 bits = {1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 4, 1 << 5, 1 << 6, 1 << 7};
    const std::int32_t low = word, high = word >> 8;
    const Mask8 low8 = {low, low, low, low, low, low, low, low},
                high8 = {high, high, high, high, high, high, high, high};
    return {(low8 & bits) == bits, (high8 & bits) == bits};
  }
  static ENGRAM_ALWAYS_INLINE Vector masked(const std::uint16_t& word, Vector v) {
    const Mask keep = unpack(word);
    return {Vec8(keep.low & Mask8(v.low)), Vec8(keep.high & Mask8(v.high))};
  }
};
#endif

/// As store_lane_values. The work is out of line to keep it out of every instantiation, and goes through memory because
/// vectors are returned differently by functions compiled for different instruction sets.
template <class Lanes>
ENGRAM_ALWAYS_INLINE typename Lanes::Vector lane_values(const ChannelRun& run, const float* per_channel,
                                                        float otherwise = 0) {
  if (run.lanes == ChannelRun::Lanes::kBlock && per_channel != nullptr) return Lanes::load(per_channel + run.channel);
  float values[16];
  store_lane_values(run, per_channel, otherwise, values);
  return Lanes::load(values);
}

template <class Lanes>
struct AffineCoefficients {
  typename Lanes::Vector center, scale, shift, slope;
};

/// Independent accumulators of a sum and of a second sum: four hide the latency of the additions, where the registers
/// hold so many.
template <class Lanes>
struct VectorSums {
  typename Lanes::Vector first[4] = {};
  typename Lanes::Vector second[4] = {};
};

template <class Vector>
ENGRAM_ALWAYS_INLINE Vector total(const Vector (&sums)[4]) {
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

/// How far ahead of a pass its operands are asked for, in floats. The processor's own prefetching stops at each page,
/// and does not fetch for writing before the write.
inline constexpr dim_t kAhead = 512;
ENGRAM_ALWAYS_INLINE void fetch_ahead(const float* p) {
  __builtin_prefetch(p + kAhead);
}
ENGRAM_ALWAYS_INLINE void own_ahead(float* p) {
  __builtin_prefetch(p + kAhead, 1);
}

/// Vector number `vector` of an AffineMap; kStats adds d and d^2 of d = x - center to `sums`.
template <class Lanes, Activation kAct, bool kResidual, bool kMask, bool kStats>
ENGRAM_ALWAYS_INLINE void affine_vector(const AffineCoefficients<Lanes>& k, const float* x, const float* residual,
                                        float* y, std::uint16_t* mask, dim_t vector, VectorSums<Lanes>& sums,
                                        int slot) {
  using Vector = typename Lanes::Vector;
  const dim_t at = vector * 16;
  fetch_ahead(x + at);
  if constexpr (kResidual) fetch_ahead(residual + at);
  own_ahead(y + at);
  const Vector d = Lanes::load(x + at) - k.center;
  if constexpr (kStats) {
    sums.first[slot] += d;
    sums.second[slot] += d * d;
  }
  Vector v = d * k.scale + k.shift;
  if constexpr (kResidual) v += Lanes::load(residual + at);
  if constexpr (kAct != Activation::kNone) {
    const typename Lanes::Mask clear = Lanes::not_positive(v);  // a NaN stays, and its gradient passes
    if constexpr (kMask) mask[vector] = Lanes::mask_word(v);
    v = Lanes::select(clear, kAct == Activation::kRelu ? Vector{} : k.slope * v, v);
  }
  Lanes::store(y + at, v);
}

/// An AffineMap over consecutive vectors that share their coefficients.
template <class Lanes, Activation kAct, bool kResidual, bool kMask, bool kStats>
ENGRAM_ALWAYS_INLINE void affine_vectors(const AffineCoefficients<Lanes>& k, const float* x, const float* residual,
                                         float* y, std::uint16_t* mask, dim_t vectors, VectorSums<Lanes>& sums) {
  constexpr int kMaxSlot = Lanes::kSums - 1;
  dim_t v = 0;
  for (; v + 4 <= vectors; v += 4) {
    for (int u = 0; u < 4; ++u)
      affine_vector<Lanes, kAct, kResidual, kMask, kStats>(k, x, residual, y, mask, v + u, sums, u & kMaxSlot);
  }
  for (; v < vectors; ++v) affine_vector<Lanes, kAct, kResidual, kMask, kStats>(k, x, residual, y, mask, v, sums, 0);
}

/// d of a MaskedGradient for vector v of the given pointers.
template <class Lanes, Activation kAct, int kGradients>
ENGRAM_ALWAYS_INLINE typename Lanes::Vector masked_gradient(const float* g, const float* g2, const std::uint16_t* mask,
                                                            dim_t v, const typename Lanes::Vector& slope) {
  typename Lanes::Vector d = {};
  if constexpr (kGradients >= 1) d = Lanes::load(g + v * 16);
  if constexpr (kGradients == 2) d += Lanes::load(g2 + v * 16);
  if constexpr (kAct == Activation::kRelu) d = Lanes::masked(mask[v], d);
  if constexpr (kAct == Activation::kLeakyRelu) d = Lanes::select(Lanes::unpack(mask[v]), d, slope * d);
  return d;
}

/// p + offset; null stays null.
template <class T>
ENGRAM_ALWAYS_INLINE T* advance(T* p, dim_t offset) {
  return p == nullptr ? nullptr : p + offset;
}

/// A value known at compile time, for visitors.
template <auto kValue>
struct Constant {
  static constexpr auto value = kValue;
};

/// visit(Constant<activation>).
template <class Visitor>
ENGRAM_ALWAYS_INLINE void visit_activation(Activation activation, const Visitor& visit) {
  if (activation == Activation::kNone) return visit(Constant<Activation::kNone>{});
  if (activation == Activation::kRelu) return visit(Constant<Activation::kRelu>{});
  return visit(Constant<Activation::kLeakyRelu>{});
}

/// visit(Constant<flag>).
template <class Visitor>
ENGRAM_ALWAYS_INLINE void visit_flag(bool flag, const Visitor& visit) {
  if (flag) return visit(Constant<true>{});
  return visit(Constant<false>{});
}

/// visit(Constant<number of incoming gradients>, Constant<activation>); without a gradient the activation is kNone.
template <class Visitor>
ENGRAM_ALWAYS_INLINE void visit_gradient(const MaskedGradient& gradient, const Visitor& visit) {
  if (gradient.grad_y == nullptr) return visit(Constant<0>{}, Constant<Activation::kNone>{});
  visit_activation(
      gradient.activation, [&](auto act) __attribute__((always_inline)) {
        if (gradient.grad_y2 == nullptr) {
          visit(Constant<1>{}, act);
        } else {
          visit(Constant<2>{}, act);
        }
      });
}

}  // namespace engram::kernels
