#include <algorithm>

#include "kernels/batch_norm/channel_runs.h"
#include "kernels/common/parallel.h"

namespace engram::kernels {
namespace {

/// How a reduction is split: by the shape only. A chunk is a contiguous part of the activation and writes one partial
/// result per channel that it touches; the partial results of one channel have slots [0, slots).
///
/// In the 16-blocked layout a row is the `pixels` vectors of one (image, channel block). A chunk is a piece of a long
/// row, or some rows of one image, or some whole images. In other layouts a chunk is one (image, channel).
struct ReductionPlan {
  explicit ReductionPlan(const ActivationShape& s) : shape(s) {
    const dim_t pixels = s.pixels();
    if (s.block != 16) {
      chunks = s.n * s.c;
      slots = s.n;
      return;
    }
    // At least 32 KB, so that the partial results stay few, and at most 256 KB, so that a float sums few values;
    // between those enough chunks for many cores.
    chunk_vectors = std::clamp<dim_t>(s.count() / 16 / 64, 512, 4096);
    if (pixels >= 2 * chunk_vectors) {
      pieces = (pixels + chunk_vectors - 1) / chunk_vectors;
      chunks = s.n * s.blocks() * pieces;
      slots = s.n * pieces;
      return;
    }
    const dim_t wanted = std::max<dim_t>(1, chunk_vectors / std::max<dim_t>(1, pixels));
    if (wanted >= s.blocks()) {
      images = wanted / s.blocks();
      rows = images * s.blocks();
      chunks = slots = (s.n + images - 1) / images;
    } else {
      for (rows = wanted; s.blocks() % rows != 0;) --rows;
      chunks = s.n * s.blocks() / rows;
      slots = s.n;
    }
  }

  /// Values of one channel behind a slot.
  dim_t slot_count(dim_t slot) const {
    const dim_t pixels = shape.pixels();
    if (pieces > 1) return std::min(chunk_vectors, pixels - slot % pieces * chunk_vectors);
    return std::min(images, shape.n - slot * images) * pixels;
  }

  ActivationShape shape;
  dim_t chunk_vectors = 0;  ///< that a chunk aims at
  dim_t pieces = 1;         ///< of a row
  dim_t rows = 1;           ///< of a chunk
  dim_t images = 1;         ///< of a slot
  dim_t chunks = 0;
  dim_t slots = 0;
};

/// Partial results: `first`, `second` and `center` of a slot and channel at [slot * c + channel].
struct Partials {
  Partials(const ReductionPlan& plan, float* memory)
      : first(memory), second(memory + plan.slots * plan.shape.c), center(memory + 2 * plan.slots * plan.shape.c) {}
  float* first;
  float* second;
  float* center;
};

/// Calls visit(row's channel block, offset of its first element, vectors, index of the partial result, whether it is
/// the first visit of that partial result) for the rows of a chunk of the 16-blocked layout.
template <class Visitor>
ENGRAM_ALWAYS_INLINE void visit_rows(const ReductionPlan& plan, dim_t chunk, const Visitor& visit) {
  const dim_t blocks = plan.shape.blocks(), pixels = plan.shape.pixels();
  const dim_t piece = chunk % plan.pieces, begin = chunk / plan.pieces * plan.rows;
  const dim_t end = std::min(plan.shape.n * blocks, begin + plan.rows);
  const dim_t slot = plan.rows >= blocks ? chunk : begin / blocks * plan.pieces + piece;
  const dim_t skip = piece * plan.chunk_vectors, vectors = plan.pieces > 1 ? plan.slot_count(slot) : pixels;
  dim_t block = begin % blocks;
  for (dim_t row = begin; row < end; ++row) {
    visit(block, (row * pixels + skip) * 16, vectors, slot * plan.shape.c + block * 16, row - begin < blocks);
    if (++block == blocks) block = 0;
  }
}

template <class Lanes>
ENGRAM_ALWAYS_INLINE void store_sums(const Partials& partials, dim_t at, bool fresh, const VectorSums<Lanes>& sums) {
  const auto first = total(sums.first), second = total(sums.second);
  Lanes::store(partials.first + at, fresh ? first : Lanes::load(partials.first + at) + first);
  Lanes::store(partials.second + at, fresh ? second : Lanes::load(partials.second + at) + second);
}

/// Sums of x - k and (x - k)^2 with k the chunk's first value of the channel. As k is one of the values, (k - mean)^2
/// is at most count times the variance, so the difference taken in merge_moments stays accurate whatever the mean is.
template <class Lanes>
ENGRAM_ALWAYS_INLINE void moments_rows(const ReductionPlan& plan, const float* x, const Partials& partials,
                                       dim_t chunk) {
  visit_rows(
      plan, chunk, [&](dim_t, dim_t offset, dim_t vectors, dim_t at, bool fresh) __attribute__((always_inline)) {
        const float* row = x + offset;
        const auto center = Lanes::load(fresh ? row : partials.center + at);
        VectorSums<Lanes> sums;
        const auto add = [&](dim_t v, int slot) __attribute__((always_inline)) {
          const auto d = Lanes::load(row + v * 16) - center;
          sums.first[slot] += d;
          sums.second[slot] += d * d;
        };
        dim_t v = 0;
        for (; v + 4 <= vectors; v += 4) {
          for (int u = 0; u < 4; ++u) add(v + u, u & (Lanes::kSums - 1));
        }
        for (; v < vectors; ++v) add(v, 0);
        Lanes::store(partials.center + at, center);
        store_sums(partials, at, fresh, sums);
      });
}

/// moments_rows and the affine map in one read. The map takes x - k too, with the shift adjusted to it.
template <class Lanes>
ENGRAM_ALWAYS_INLINE void affine_moments_rows(const ReductionPlan& plan, const AffineMap& map, const Partials& partials,
                                              dim_t chunk) {
  visit_activation(
      map.activation, [&](auto act) __attribute__((always_inline)) {
        visit_flag(
            map.residual != nullptr, [&](auto residual) __attribute__((always_inline)) {
              visit_flag(
                  map.mask != nullptr, [&](auto mask) __attribute__((always_inline)) {
                    visit_rows(
                        plan, chunk,
                        [&](dim_t block, dim_t offset, dim_t vectors, dim_t at, bool fresh)
                            __attribute__((always_inline)) {
                              const auto center = Lanes::load(fresh ? map.x + offset : partials.center + at);
                              const auto scale = Lanes::load(map.scale + block * 16);
                              const auto shift = Lanes::load(map.shift + block * 16) +
                                                 scale * (center - Lanes::load(map.center + block * 16));
                              VectorSums<Lanes> sums;
                              affine_vectors<Lanes, act.value, residual.value, mask.value, true>(
                                  {center, scale, shift, Lanes::splat(map.slope)}, map.x + offset,
                                  advance(map.residual, offset), map.y + offset, advance(map.mask, offset / 16),
                                  vectors, sums);
                              Lanes::store(partials.center + at, center);
                              store_sums(partials, at, fresh, sums);
                            });
                  });
            });
      });
}

/// Sums of d and d (x - center).
template <class Lanes>
ENGRAM_ALWAYS_INLINE void gradient_sums_rows(const ReductionPlan& plan, const MaskedGradient& in, const float* x,
                                             const float* center, const Partials& partials, dim_t chunk) {
  visit_gradient(
      in, [&](auto gradients, auto act) __attribute__((always_inline)) {
        visit_flag(
            x != nullptr, [&](auto with_x) __attribute__((always_inline)) {
              visit_rows(
                  plan, chunk,
                  [&](dim_t block, dim_t offset, dim_t vectors, dim_t at, bool fresh) __attribute__((always_inline)) {
                    using Vector = typename Lanes::Vector;
                    const Vector slope = Lanes::splat(in.slope);
                    const Vector mean = with_x.value ? Lanes::load(center + block * 16) : Vector{};
                    VectorSums<Lanes> sums;
                    const float *g = advance(in.grad_y, offset), *g2 = advance(in.grad_y2, offset);
                    const std::uint16_t* words = advance(in.mask, offset / 16);
                    auto add = [&](dim_t v, int u) __attribute__((always_inline)) {
                      const Vector d = masked_gradient<Lanes, act.value, gradients.value>(g, g2, words, v, slope);
                      sums.first[u] += d;
                      if (with_x.value) sums.second[u] += d * (Lanes::load(x + offset + v * 16) - mean);
                    };
                    dim_t v = 0;
                    for (; v + 4 <= vectors; v += 4) {
                      for (int u = 0; u < 4; ++u) add(v + u, u & (Lanes::kSums - 1));
                    }
                    for (; v < vectors; ++v) add(v, 0);
                    store_sums(partials, at, fresh, sums);
                  });
            });
      });
}

void moments_baseline(const ReductionPlan& plan, const float* x, const Partials& partials, dim_t chunk) {
  moments_rows<BaselineLanes>(plan, x, partials, chunk);
}
void affine_moments_baseline(const ReductionPlan& plan, const AffineMap& map, const Partials& partials, dim_t chunk) {
  affine_moments_rows<BaselineLanes>(plan, map, partials, chunk);
}
void gradient_sums_baseline(const ReductionPlan& plan, const MaskedGradient& in, const float* x, const float* center,
                            const Partials& partials, dim_t chunk) {
  gradient_sums_rows<BaselineLanes>(plan, in, x, center, partials, chunk);
}
#if defined(ENGRAM_HAS_INSTRUCTION_SETS)
ENGRAM_AVX2 void moments_avx2(const ReductionPlan& plan, const float* x, const Partials& partials, dim_t chunk) {
  moments_rows<Avx2Lanes>(plan, x, partials, chunk);
}
ENGRAM_AVX2 void affine_moments_avx2(const ReductionPlan& plan, const AffineMap& map, const Partials& partials,
                                     dim_t chunk) {
  affine_moments_rows<Avx2Lanes>(plan, map, partials, chunk);
}
ENGRAM_AVX2 void gradient_sums_avx2(const ReductionPlan& plan, const MaskedGradient& in, const float* x,
                                    const float* center, const Partials& partials, dim_t chunk) {
  gradient_sums_rows<Avx2Lanes>(plan, in, x, center, partials, chunk);
}
ENGRAM_AVX512 void moments_avx512(const ReductionPlan& plan, const float* x, const Partials& partials, dim_t chunk) {
  moments_rows<Avx512Lanes>(plan, x, partials, chunk);
}
ENGRAM_AVX512 void affine_moments_avx512(const ReductionPlan& plan, const AffineMap& map, const Partials& partials,
                                         dim_t chunk) {
  affine_moments_rows<Avx512Lanes>(plan, map, partials, chunk);
}
ENGRAM_AVX512 void gradient_sums_avx512(const ReductionPlan& plan, const MaskedGradient& in, const float* x,
                                        const float* center, const Partials& partials, dim_t chunk) {
  gradient_sums_rows<Avx512Lanes>(plan, in, x, center, partials, chunk);
}
#endif

/// Offset of the first element of chunk (image, channel) in a layout that is not 16-blocked; the others follow at
/// `block`.
dim_t plane_offset(const ActivationShape& s, dim_t chunk) {
  const dim_t n = chunk / s.c, c = chunk % s.c;
  return (n * s.blocks() + c / s.block) * s.pixels() * s.block + c % s.block;
}

void moments_plane(const ActivationShape& s, const float* x, const Partials& partials, dim_t chunk) {
  const float* plane = x + plane_offset(s, chunk);
  double first = 0, second = 0;
  for (dim_t p = 0; p < s.pixels(); ++p) {
    const double d = double(plane[p * s.block]) - plane[0];
    first += d;
    second += d * d;
  }
  partials.center[chunk] = plane[0];
  partials.first[chunk] = float(first);
  partials.second[chunk] = float(second);
}

void gradient_sums_plane(const ActivationShape& s, const MaskedGradient& in, const float* x, const float* center,
                         const Partials& partials, dim_t chunk) {
  const dim_t begin = plane_offset(s, chunk);
  const float mean = x ? center[chunk % s.c] : 0;
  double first = 0, second = 0;
  for (dim_t p = 0; p < s.pixels(); ++p) {
    const dim_t i = begin + p * s.block;
    float d = in.grad_y[i] + (in.grad_y2 ? in.grad_y2[i] : 0.f);
    if (in.activation != Activation::kNone && !(in.mask[i / 16] >> (i % 16) & 1)) {
      d = in.activation == Activation::kRelu ? 0.f : in.slope * d;
    }
    first += d;
    if (x) second += double(d) * (x[i] - mean);
  }
  partials.first[chunk] = float(first);
  partials.second[chunk] = float(second);
}

/// Merges the slots of up to 16 channels from `channel` on, in order, by the update of Chan, Golub and LeVeque (1979).
ENGRAM_MULTIVERSION void merge_moments(const ReductionPlan& plan, const Partials& partials, const ChannelMoments& out,
                                       dim_t channel) {
  const int lanes = int(std::min<dim_t>(16, plan.shape.c - channel));
  double mean[16] = {}, squares[16] = {}, total = 0;
  for (dim_t slot = 0; slot < plan.slots; ++slot) {
    const dim_t at = slot * plan.shape.c + channel;
    const double count = double(plan.slot_count(slot)), inverse = 1 / count;
    const double weight = count / (total + count), between = total * weight;
    total += count;
    for (int lane = 0; lane < lanes; ++lane) {
      const double first = partials.first[at + lane];
      const double within = partials.second[at + lane] - first * first * inverse;
      const double delta = partials.center[at + lane] + first * inverse - mean[lane];
      mean[lane] += delta * weight;
      squares[lane] += (within < 0 ? 0 : within) + delta * delta * between;  // a NaN stays
    }
  }
  for (int lane = 0; lane < lanes; ++lane) {
    out.mean[channel + lane] = float(mean[lane]);
    out.var[channel + lane] = float(squares[lane] / total);
  }
}

ENGRAM_MULTIVERSION void merge_sums(const ReductionPlan& plan, const Partials& partials, float* sum_first,
                                    float* sum_second, dim_t channel) {
  const int lanes = int(std::min<dim_t>(16, plan.shape.c - channel));
  double first[16] = {}, second[16] = {};
  for (dim_t slot = 0; slot < plan.slots; ++slot) {
    const dim_t at = slot * plan.shape.c + channel;
    for (int lane = 0; lane < lanes; ++lane) {
      first[lane] += partials.first[at + lane];
      second[lane] += partials.second[at + lane];
    }
  }
  for (int lane = 0; lane < lanes; ++lane) {
    sum_first[channel + lane] = float(first[lane]);
    sum_second[channel + lane] = float(second[lane]);
  }
}

/// Calls body(chunk) for all chunks.
template <class Body>
void for_chunks(const ReductionPlan& plan, const Body& body) {
  parallel_for(plan.chunks, plan.shape.count() / std::max<dim_t>(1, plan.chunks), body);
}

/// Calls body(first channel) for groups of 16 channels.
template <class Body>
void for_channel_groups(const ReductionPlan& plan, const Body& body) {
  parallel_for((plan.shape.c + 15) / 16, plan.slots * 16, [&](dim_t i) { body(i * 16); });
}

void merge(const ReductionPlan& plan, const Partials& partials, const ChannelMoments& out) {
  for_channel_groups(plan, [&](dim_t channel) { merge_moments(plan, partials, out, channel); });
}

}  // namespace

void moments_pass(const ActivationShape& shape, const float* x, const ChannelMoments& out, float* memory) {
  const ReductionPlan plan(shape);
  const Partials partials(plan, memory);
  const auto rows = ENGRAM_BY_INSTRUCTION_SET(moments);
  for_chunks(plan, [&](dim_t i) {
    if (shape.block == 16) {
      rows(plan, x, partials, i);
    } else {
      moments_plane(shape, x, partials, i);
    }
  });
  merge(plan, partials, out);
}

void affine_moments_pass(const AffineMap& map, const ChannelMoments& out, float* memory) {
  if (map.shape.block != 16) {
    moments_pass(map.shape, map.x, out, memory);
    affine_pass(map);
    return;
  }
  const ReductionPlan plan(map.shape);
  const Partials partials(plan, memory);
  const auto rows = ENGRAM_BY_INSTRUCTION_SET(affine_moments);
  for_chunks(plan, [&](dim_t i) { rows(plan, map, partials, i); });
  merge(plan, partials, out);
}

void gradient_sums_pass(const ActivationShape& shape, const MaskedGradient& gradient, const float* x,
                        const float* center, float* sum_d, float* sum_dx, float* memory) {
  const ReductionPlan plan(shape);
  const Partials partials(plan, memory);
  const auto rows = ENGRAM_BY_INSTRUCTION_SET(gradient_sums);
  for_chunks(plan, [&](dim_t i) {
    if (shape.block == 16) {
      rows(plan, gradient, x, center, partials, i);
    } else {
      gradient_sums_plane(shape, gradient, x, center, partials, i);
    }
  });
  for_channel_groups(plan, [&](dim_t channel) { merge_sums(plan, partials, sum_d, sum_dx, channel); });
}

dim_t channel_partials_count(const ActivationShape& shape) {
  return 3 * ReductionPlan(shape).slots * shape.c;
}

}  // namespace engram::kernels
