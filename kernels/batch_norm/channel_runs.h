#pragma once
/// The inner loops of channel_passes.h and the walk over an activation's vectors. Everything is inlined into functions
/// marked ENGRAM_MULTIVERSION.

#include <cstring>

#include "kernels/batch_norm/channel_passes.h"
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

/// As store_lane_values. The work is out of line to keep it out of every instantiation, and goes through memory because
/// a Vec16 is returned differently by functions compiled for different instruction sets.
ENGRAM_ALWAYS_INLINE Vec16 lane_values(const ChannelRun& run, const float* per_channel, float otherwise = 0) {
  if (run.lanes == ChannelRun::Lanes::kBlock && per_channel != nullptr) return load16(per_channel + run.channel);
  float values[16];
  store_lane_values(run, per_channel, otherwise, values);
  return load16(values);
}

// Comparisons and selections come in two forms, for GCC 12 turns those of a vector that is wider than the registers
// into 16 scalar ones: kWide uses 512-bit masks and runs in functions compiled for AVX-512 only; the other form is
// integer arithmetic, which is split well.

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define ENGRAM_WIDE __attribute__((target("arch=x86-64-v4")))  ///< a function with kWide = true inside
#define ENGRAM_NARROW __attribute__((target_clones("arch=x86-64-v3", "default")))  ///< and with kWide = false
inline constexpr bool kHasWide = true;
#else
#define ENGRAM_WIDE
#define ENGRAM_NARROW
inline constexpr bool kHasWide = false;
#endif

/// One bit a lane.
ENGRAM_ALWAYS_INLINE Mask16 lane_bits() {
  return Mask16{1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
}

/// Lanes with v <= 0; a NaN is not.
template <bool kWide>
ENGRAM_ALWAYS_INLINE Mask16 not_positive(Vec16 v) {
  if constexpr (kWide) {
    return v <= 0;
  } else {
    const Mask16 bits = Mask16(v), above_infinity = 0x7f800000 - (bits & 0x7fffffff);  // negative for a NaN
    return (((bits - 1) | bits) & ~above_infinity) >> 31;
  }
}

template <bool kWide>
ENGRAM_ALWAYS_INLINE Vec16 select(Mask16 mask, Vec16 yes, Vec16 no) {
  if constexpr (kWide) {
    return mask ? yes : no;
  } else {
    return Vec16((mask & Mask16(yes)) | (~mask & Mask16(no)));
  }
}

/// Bit l of the result: not (v[l] <= 0).
template <bool kWide>
ENGRAM_ALWAYS_INLINE std::uint16_t mask_word(Vec16 v) {
  if constexpr (kWide && kHasWide) {
    // Predicate 22: not less or equal, true for a NaN. GCC 12 has no vector expression that ends in a mask register.
    std::uint32_t word;
    __asm__("vcmpps $22, %2, %1, %%k1\n\tkmovw %%k1, %0" : "=r"(word) : "v"(v), "v"(Vec16{}) : "k1");
    return std::uint16_t(word);
  } else {
    // The lanes' bits differ, so an OR in any order collects them.
    typedef std::uint64_t Pair __attribute__((may_alias));
    const Mask16 set = ~not_positive<false>(v) & lane_bits();
    const Pair* p = reinterpret_cast<const Pair*>(&set);
    const std::uint64_t all = ((p[0] | p[1]) | (p[2] | p[3])) | ((p[4] | p[5]) | (p[6] | p[7])), word = all | all >> 32;
    return std::uint16_t(word);
  }
}

/// All ones in the lanes whose mask bit is set.
template <bool kWide>
ENGRAM_ALWAYS_INLINE Mask16 unpack_mask(std::uint16_t word) {
  const Mask16 set = (Mask16{} + std::int32_t(word)) & lane_bits();
  if constexpr (kWide) {
    return set != 0;
  } else {
    return -set >> 31;
  }
}

/// v in the lanes whose mask bit is set, else 0.
template <bool kWide>
ENGRAM_ALWAYS_INLINE Vec16 masked(const std::uint16_t& word, Vec16 v) {
  if constexpr (kWide && kHasWide) {
    __asm__("kmovw %1, %%k1\n\tvmovaps %0, %0%{%%k1%}%{z%}" : "+v"(v) : "m"(word) : "k1");
    return v;
  } else {
    return Vec16(unpack_mask<false>(word) & Mask16(v));
  }
}

struct AffineCoefficients {
  Vec16 center, scale, shift, slope;
};

/// Four independent accumulators of a sum and of a second sum; four hide the latency of the additions.
struct VectorSums {
  Vec16 first[4] = {};
  Vec16 second[4] = {};
  ENGRAM_ALWAYS_INLINE Vec16 total_first() const { return (first[0] + first[1]) + (first[2] + first[3]); }
  ENGRAM_ALWAYS_INLINE Vec16 total_second() const { return (second[0] + second[1]) + (second[2] + second[3]); }
};

/// Vector number `vector` of an AffineMap; kStats adds d and d^2 of d = x - center to `sums`.
template <bool kWide, Activation kAct, bool kResidual, bool kMask, bool kStats>
ENGRAM_ALWAYS_INLINE void affine_vector(const AffineCoefficients& k, const float* x, const float* residual, float* y,
                                        std::uint16_t* mask, dim_t vector, VectorSums& sums, int slot) {
  const dim_t at = vector * 16;
  const Vec16 d = load16(x + at) - k.center;
  if constexpr (kStats) {
    sums.first[slot] += d;
    sums.second[slot] += d * d;
  }
  Vec16 v = d * k.scale + k.shift;
  if constexpr (kResidual) v += load16(residual + at);
  if constexpr (kAct != Activation::kNone) {
    const Mask16 clear = not_positive<kWide>(v);  // a NaN stays, and its gradient passes
    if constexpr (kMask) mask[vector] = mask_word<kWide>(v);
    v = select<kWide>(clear, kAct == Activation::kRelu ? Vec16{} : k.slope * v, v);
  }
  store16(y + at, v);
}

/// An AffineMap over consecutive vectors that share their coefficients.
template <bool kWide, Activation kAct, bool kResidual, bool kMask, bool kStats>
ENGRAM_ALWAYS_INLINE void affine_vectors(const AffineCoefficients& k, const float* x, const float* residual, float* y,
                                         std::uint16_t* mask, dim_t vectors, VectorSums& sums) {
  constexpr int kMaxSlot = kWide ? 3 : 0;  // two AVX2 registers hold one Vec16, and there are sixteen
  dim_t v = 0;
  for (; v + 4 <= vectors; v += 4) {
    for (int u = 0; u < 4; ++u)
      affine_vector<kWide, kAct, kResidual, kMask, kStats>(k, x, residual, y, mask, v + u, sums, u & kMaxSlot);
  }
  for (; v < vectors; ++v) affine_vector<kWide, kAct, kResidual, kMask, kStats>(k, x, residual, y, mask, v, sums, 0);
}

/// d of a MaskedGradient for vector v of the given pointers.
template <bool kWide, Activation kAct, int kGradients>
ENGRAM_ALWAYS_INLINE Vec16 masked_gradient(const float* g, const float* g2, const std::uint16_t* mask, dim_t v,
                                           Vec16 slope) {
  Vec16 d = {};
  if constexpr (kGradients >= 1) d = load16(g + v * 16);
  if constexpr (kGradients == 2) d += load16(g2 + v * 16);
  if constexpr (kAct == Activation::kRelu) d = masked<kWide>(mask[v], d);
  if constexpr (kAct == Activation::kLeakyRelu) d = select<kWide>(unpack_mask<kWide>(mask[v]), d, slope * d);
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
