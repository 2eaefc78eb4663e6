/// Per-channel maps over an activation on the CPU.
///
/// Their story: selections that AVX2 splits well and mask words without a detour through memory (commit 821b98b); pairs
/// of 8 lanes instead of vectors of 16, which GCC 12 keeps in memory on AVX2: the forward pass of bn_stats_match two to
/// four times as fast there (bc0cba9); masks by a mask register straight from memory (aebf55f); prefetches (d7e4043):
/// that pass from 0.66 to 1.13 of a copy's speed at 33.6 MB. What limits them now is memory: both passes of
/// bn_stats_match are at or above 0.93 of a copy at 8 MB and more (docs/results/peers.md).

#include <algorithm>
#include <type_traits>

#include "kernels/batch_norm/channel_runs.h"
#include "kernels/common/parallel.h"

namespace engram::kernels {
namespace {

/// The vectors at element `at` of an operand (or null), or a padded copy of an activation's incomplete last vector.
template <class T>
struct Staged {
  ENGRAM_ALWAYS_INLINE Staged(T* operand, dim_t at, int lanes) : data(advance(operand, at)), valid_lanes(lanes) {
    if (operand == nullptr || lanes == 16) return;
    source = data;
    std::copy_n(source, lanes, copy);
    data = copy;
  }
  /// Stores the valid lanes of the copy, if one was taken.
  ENGRAM_ALWAYS_INLINE void write_back() {
    if (source != nullptr) std::copy_n(copy, valid_lanes, source);
  }
  T* data;
  int valid_lanes;
  T* source = nullptr;
  std::remove_const_t<T> copy[16] = {};
};

/// An AffineMap on the vectors [begin, end).
template <class Lanes>
ENGRAM_ALWAYS_INLINE void affine_range(const AffineMap& map, dim_t begin, dim_t end) {
  visit_activation(
      map.activation, [&](auto act) __attribute__((always_inline)) {
        visit_flag(
            map.residual != nullptr, [&](auto residual) __attribute__((always_inline)) {
              visit_flag(
                  map.mask != nullptr, [&](auto mask) __attribute__((always_inline)) {
                    VectorSums<Lanes> unused;
                    for (dim_t vector = begin; vector < end;) {
                      const ChannelRun run = next_run(map.shape, vector, end);
                      const AffineCoefficients<Lanes> k = {lane_values<Lanes>(run, map.center),
                                                           lane_values<Lanes>(run, map.scale),
                                                           lane_values<Lanes>(run, map.shift), Lanes::splat(map.slope)};
                      const dim_t at = vector * 16;
                      std::uint16_t* words = advance(map.mask, vector);
                      Staged<const float> x(map.x, at, run.valid_lanes), r(map.residual, at, run.valid_lanes);
                      Staged<float> y(map.y, at, run.valid_lanes);
                      affine_vectors<Lanes, act.value, residual.value, mask.value, false>(k, x.data, r.data, y.data,
                                                                                          words, run.vectors, unused);
                      y.write_back();
                      if (run.valid_lanes < 16 && mask.value && act.value != Activation::kNone) {
                        *words &= std::uint16_t((1 << run.valid_lanes) - 1);
                      }
                      vector += run.vectors;
                    }
                  });
            });
      });
}

template <class Lanes>
struct GradientCoefficients {
  typename Lanes::Vector scale, center, slope_x, shift, slope;
};

/// A GradientMap over consecutive vectors that share their coefficients.
template <class Lanes, Activation kAct, int kGradients, bool kX, bool kResidual>
ENGRAM_ALWAYS_INLINE void gradient_vectors(const GradientCoefficients<Lanes>& k, const float* g, const float* g2,
                                           const std::uint16_t* mask, const float* x, float* grad_x,
                                           float* grad_residual, dim_t vectors) {
  for (dim_t v = 0; v < vectors; ++v) {
    const dim_t at = v * 16;
    if constexpr (kGradients >= 1) fetch_ahead(g + at);
    if constexpr (kGradients == 2) fetch_ahead(g2 + at);
    if constexpr (kX) fetch_ahead(x + at);
    if constexpr (kResidual) own_ahead(grad_residual + at);
    own_ahead(grad_x + at);
    const auto d = masked_gradient<Lanes, kAct, kGradients>(g, g2, mask, v, k.slope);
    if constexpr (kResidual) Lanes::store(grad_residual + at, d);
    auto out = d * k.scale;
    if constexpr (kX) {
      const auto statistics = (Lanes::load(x + at) - k.center) * k.slope_x + k.shift;
      out = kGradients == 0 ? statistics : d * k.scale + statistics;
    }
    Lanes::store(grad_x + at, out);
  }
}

/// A GradientMap on the vectors [begin, end).
template <class Lanes>
ENGRAM_ALWAYS_INLINE void gradient_range(const GradientMap& map, dim_t begin, dim_t end) {
  const MaskedGradient& in = map.gradient;
  visit_gradient(
      in, [&](auto gradients, auto act) __attribute__((always_inline)) {
        visit_flag(
            map.x != nullptr, [&](auto with_x) __attribute__((always_inline)) {
              visit_flag(
                  map.grad_residual != nullptr, [&](auto residual) __attribute__((always_inline)) {
                    for (dim_t vector = begin; vector < end;) {
                      const ChannelRun run = next_run(map.shape, vector, end);
                      const GradientCoefficients<Lanes> k = {
                          lane_values<Lanes>(run, map.scale, 1), lane_values<Lanes>(run, map.center),
                          lane_values<Lanes>(run, map.slope_x), lane_values<Lanes>(run, map.shift),
                          Lanes::splat(in.slope)};
                      const dim_t at = vector * 16;
                      Staged<const float> g(in.grad_y, at, run.valid_lanes), g2(in.grad_y2, at, run.valid_lanes);
                      Staged<const float> x(map.x, at, run.valid_lanes);
                      Staged<float> grad_x(map.grad_x, at, run.valid_lanes),
                          grad_residual(map.grad_residual, at, run.valid_lanes);
                      gradient_vectors<Lanes, act.value, gradients.value, with_x.value, residual.value>(
                          k, g.data, g2.data, advance(in.mask, vector), x.data, grad_x.data, grad_residual.data,
                          run.vectors);
                      grad_x.write_back();
                      grad_residual.write_back();
                      vector += run.vectors;
                    }
                  });
            });
      });
}

void affine_range_baseline(const AffineMap& map, dim_t begin, dim_t end) {
  affine_range<BaselineLanes>(map, begin, end);
}
void gradient_range_baseline(const GradientMap& map, dim_t begin, dim_t end) {
  gradient_range<BaselineLanes>(map, begin, end);
}
#if defined(ENGRAM_HAS_INSTRUCTION_SETS)
ENGRAM_AVX2 void affine_range_avx2(const AffineMap& map, dim_t begin, dim_t end) {
  affine_range<Avx2Lanes>(map, begin, end);
}
ENGRAM_AVX2 void gradient_range_avx2(const GradientMap& map, dim_t begin, dim_t end) {
  gradient_range<Avx2Lanes>(map, begin, end);
}
ENGRAM_AVX512 void affine_range_avx512(const AffineMap& map, dim_t begin, dim_t end) {
  affine_range<Avx512Lanes>(map, begin, end);
}
ENGRAM_AVX512 void gradient_range_avx512(const GradientMap& map, dim_t begin, dim_t end) {
  gradient_range<Avx512Lanes>(map, begin, end);
}
#endif

/// Calls body(begin, end) for parts of the activation's vectors, in parallel.
template <class Body>
void for_vector_ranges(const ActivationShape& shape, const Body& body) {
  constexpr dim_t kVectors = 1024;
  const dim_t vectors = (shape.count() + 15) / 16;
  parallel_for((vectors + kVectors - 1) / kVectors, kVectors * 16,
               [&](dim_t i) { body(i * kVectors, std::min(vectors, (i + 1) * kVectors)); });
}

}  // namespace

ChannelRun next_run(const ActivationShape& shape, dim_t vector, dim_t end) {
  ChannelRun run;
  const dim_t pixels = shape.pixels();
  run.valid_lanes = 16;
  if (shape.block == 16) {
    const dim_t row = vector / pixels;
    run.vectors = std::min(end, (row + 1) * pixels) - vector;
    run.lanes = ChannelRun::Lanes::kBlock;
    run.channel = row % shape.blocks() * 16;
    return run;
  }
  const dim_t element = vector * 16;
  if (shape.block == 1) {
    const dim_t plane = element / pixels;
    run.vectors = std::min(end, (plane + 1) * pixels / 16) - vector;
    if (run.vectors > 0) {
      run.lanes = ChannelRun::Lanes::kUniform;
      run.channel = plane % shape.c;
      return run;
    }
  }
  run.vectors = 1;
  run.lanes = ChannelRun::Lanes::kMixed;
  run.valid_lanes = int(std::min<dim_t>(16, shape.count() - element));
  for (int lane = 0; lane < run.valid_lanes; ++lane) {
    const dim_t i = element + lane;
    run.channels[lane] = i / (shape.block * pixels) % shape.blocks() * shape.block + i % shape.block;
  }
  return run;
}

void store_lane_values(const ChannelRun& run, const float* per_channel, float otherwise, float* values) {
  std::fill_n(values, 16, otherwise);
  if (per_channel == nullptr) return;
  for (int lane = 0; lane < run.valid_lanes; ++lane) {
    const bool mixed = run.lanes == ChannelRun::Lanes::kMixed;
    values[lane] = per_channel[mixed ? run.channels[lane] : run.channel];
  }
}

void affine_pass(const AffineMap& map) {
  const auto range = ENGRAM_BY_INSTRUCTION_SET(affine_range);
  for_vector_ranges(map.shape, [&](dim_t begin, dim_t end) { range(map, begin, end); });
}

void gradient_pass(const GradientMap& map) {
  GradientMap checked = map;
  if (checked.grad_x == nullptr) {  // only d is wanted
    if (checked.grad_residual == nullptr) return;
    checked.grad_x = checked.grad_residual;
    checked.grad_residual = nullptr;
    checked.scale = checked.x = nullptr;
  }
  if (checked.x == nullptr) checked.center = checked.slope_x = checked.shift = nullptr;
  const auto range = ENGRAM_BY_INSTRUCTION_SET(gradient_range);
  for_vector_ranges(map.shape, [&](dim_t begin, dim_t end) { range(checked, begin, end); });
}

}  // namespace engram::kernels
