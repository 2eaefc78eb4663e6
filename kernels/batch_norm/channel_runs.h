#pragma once
/// The inner loops of channel_passes.h and the walk over an activation's vectors. Everything is inlined into functions
/// marked ENGRAM_MULTIVERSION.

#include <cstring>

#include "kernels/batch_norm/channel_passes.h"
#include "kernels/common/simd.h"

namespace engram::kernels {

typedef std::int8_t Bytes16 __attribute__((vector_size(16), aligned(1), may_alias));

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

/// Vectors whose mask bytes are staged before they are packed to bits.
inline constexpr dim_t kMaskBatch = 64;

/// words[v] bit l = lowest bit of bytes[16 v + l].
ENGRAM_ALWAYS_INLINE void pack_mask(const std::int8_t* bytes, std::uint16_t* words, dim_t vectors) {
  typedef std::uint64_t Word64 __attribute__((may_alias));
  typedef std::uint8_t Octet __attribute__((may_alias));
  const Word64* in = reinterpret_cast<const Word64*>(bytes);
  Octet* out = reinterpret_cast<Octet*>(words);
  // The product moves the lowest bit of byte j to bit 56 + j; no two terms meet, so nothing carries.
  for (dim_t i = 0; i < 2 * vectors; ++i) {
    out[i] = Octet(((in[i] & 0x0101010101010101u) * 0x0102040810204080u) >> 56);
  }
}

/// All ones in the lanes whose mask bit is set.
ENGRAM_ALWAYS_INLINE Mask16 unpack_mask(std::uint16_t word) {
  constexpr Mask16 kBit = {1 << 0, 1 << 1, 1 << 2,  1 << 3,  1 << 4,  1 << 5,  1 << 6,  1 << 7,
                           1 << 8, 1 << 9, 1 << 10, 1 << 11, 1 << 12, 1 << 13, 1 << 14, 1 << 15};
  return ((Mask16{} + std::int32_t(word)) & kBit) != 0;
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

/// The vector at element `at` of an AffineMap; kStats adds d and d^2 of d = x - center to `sums`.
template <Activation kAct, bool kResidual, bool kMask, bool kStats>
ENGRAM_ALWAYS_INLINE void affine_vector(const AffineCoefficients& k, const float* x, const float* residual, float* y,
                                        std::int8_t* bytes, dim_t at, VectorSums& sums, int slot) {
  const Vec16 d = load16(x + at) - k.center;
  if constexpr (kStats) {
    sums.first[slot] += d;
    sums.second[slot] += d * d;
  }
  Vec16 v = d * k.scale + k.shift;
  if constexpr (kResidual) v += load16(residual + at);
  if constexpr (kAct != Activation::kNone) {
    const Mask16 clear = v <= 0;  // false for a NaN: it stays, and its gradient passes
    if constexpr (kMask) *reinterpret_cast<Bytes16*>(bytes + at) = __builtin_convertvector(~clear, Bytes16);
    v = clear ? (kAct == Activation::kRelu ? Vec16{} : k.slope * v) : v;
  }
  store16(y + at, v);
}

/// An AffineMap over consecutive vectors that share their coefficients.
template <Activation kAct, bool kResidual, bool kMask, bool kStats>
ENGRAM_ALWAYS_INLINE void affine_vectors(const AffineCoefficients& k, const float* x, const float* residual, float* y,
                                         std::uint16_t* mask, dim_t vectors, VectorSums& sums) {
  alignas(64) std::int8_t bytes[kMaskBatch * 16];
  for (dim_t first = 0; first < vectors; first += kMaskBatch) {
    const dim_t count = std::min(kMaskBatch, vectors - first);
    const float* in = x + first * 16;
    const float* add = kResidual ? residual + first * 16 : nullptr;
    float* out = y + first * 16;
    dim_t v = 0;
    for (; v + 4 <= count; v += 4) {
      for (int u = 0; u < 4; ++u) {
        affine_vector<kAct, kResidual, kMask, kStats>(k, in, add, out, bytes, (v + u) * 16, sums, u);
      }
    }
    for (; v < count; ++v) affine_vector<kAct, kResidual, kMask, kStats>(k, in, add, out, bytes, v * 16, sums, 0);
    if constexpr (kMask && kAct != Activation::kNone) pack_mask(bytes, mask + first, count);
  }
}

/// d of a MaskedGradient for vector v of the given pointers.
template <Activation kAct, int kGradients>
ENGRAM_ALWAYS_INLINE Vec16 masked_gradient(const float* g, const float* g2, const std::uint16_t* mask, dim_t v,
                                           Vec16 slope) {
  Vec16 d = {};
  if constexpr (kGradients >= 1) d = load16(g + v * 16);
  if constexpr (kGradients == 2) d += load16(g2 + v * 16);
  if constexpr (kAct == Activation::kRelu) d = unpack_mask(mask[v]) ? d : Vec16{};
  if constexpr (kAct == Activation::kLeakyRelu) d = unpack_mask(mask[v]) ? d : slope * d;
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
