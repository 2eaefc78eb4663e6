#include <algorithm>
#include <cstring>
#include <type_traits>

#include "kernels/common/instruction_set.h"
#include "kernels/conv2d/winograd_stages.h"
#include "kernels/conv2d/winograd_transforms.h"

namespace engram::kernels::winograd {
namespace {

/// Vectors of kLanes floats.
template <int kLanes>
struct Simd {
  typedef float Vector __attribute__((vector_size(kLanes * sizeof(float))));

  static ENGRAM_ALWAYS_INLINE Vector load(const float* p) {
    Vector v;
    std::memcpy(&v, p, sizeof v);
    return v;
  }
  static ENGRAM_ALWAYS_INLINE void store(float* p, Vector v) { std::memcpy(p, &v, sizeof v); }
};

constexpr dim_t kBlock = kCpuChannelBlock;

/// Where a tile lies.
struct TilePlace {
  dim_t image, row, column;
};

ENGRAM_ALWAYS_INLINE TilePlace place_of(const TileGrid& grid, dim_t tile) {
  const dim_t per_image = grid.rows * grid.columns, in_image = tile % per_image;
  return {tile / per_image, in_image / grid.columns, in_image % grid.columns};
}

/// What pixels outside the image hold.
constexpr float kZeros[16] = {};

/// Offsets of the pixels of a window within its channel block; -1 outside the image.
template <int kExtent>
struct Window {
  dim_t offset[kExtent][kExtent];

  ENGRAM_ALWAYS_INLINE Window(const ActivationShape& s, dim_t top, dim_t left) {
    for (int i = 0; i < kExtent; ++i)
      for (int j = 0; j < kExtent; ++j) {
        const dim_t y = top + i, x = left + j;
        const bool valid = y >= 0 && y < s.h && x >= 0 && x < s.w;
        offset[i][j] = valid ? (y * s.w + x) * kBlock : -1;
      }
  }
};

/// Transforms one window of kLanes channels from `src`, by columns and then by rows, to point p at out[p * point]. With
/// kGradient the window is a tile of the output's gradient. The outer loops stay loops: unrolled, they spill registers.
template <class Algorithm, int kLanes, bool kGradient, int kExtent>
ENGRAM_ALWAYS_INLINE void transform_window(const Window<kExtent>& window, const float* src, float* out, dim_t point) {
  using V = typename Simd<kLanes>::Vector;
  constexpr int kSide = Algorithm::kSide;
  V lines[kSide * kExtent];
  const auto transform = [](V * line) __attribute__((always_inline)) {
    if constexpr (kGradient) {
      Algorithm::result_gradients(Line<V>{line});
    } else {
      Algorithm::inputs(Line<V>{line});
    }
  };
#pragma GCC unroll 1
  for (int j = 0; j < kExtent; ++j) {
    V column[kSide];
#pragma GCC unroll 9
    for (int i = 0; i < kExtent; ++i)
      column[i] = Simd<kLanes>::load(window.offset[i][j] >= 0 ? src + window.offset[i][j] : kZeros);
    transform(column);
#pragma GCC unroll 9
    for (int i = 0; i < kSide; ++i) lines[i * kExtent + j] = column[i];
  }
#pragma GCC unroll 1
  for (int i = 0; i < kSide; ++i, out += kSide * point) {
    V row[kSide];
#pragma GCC unroll 9
    for (int j = 0; j < kExtent; ++j) row[j] = lines[i * kExtent + j];
    transform(row);
#pragma GCC unroll 9
    for (int j = 0; j < kSide; ++j) Simd<kLanes>::store(out + j * point, row[j]);
  }
}

template <class Algorithm, int kLanes, bool kGradient>
ENGRAM_ALWAYS_INLINE void transform_activation(const TransformArgs& a) {
  constexpr int kExtent = kGradient ? Algorithm::kResult : Algorithm::kWindow;
  constexpr int kStep = kGradient ? Algorithm::kResult : Algorithm::kStep;
  const dim_t image_step = a.shape.pixels() * kBlock;
  for (dim_t tile = a.begin; tile < a.end; ++tile) {
    const TilePlace at = place_of(a.grid, tile);
    const Window<kExtent> window(a.shape, at.row * kStep - a.pad_h, at.column * kStep - a.pad_w);
    const float* src = a.src + at.image * a.shape.blocks() * image_step;
    for (dim_t channel = 0; channel < a.shape.c; channel += kLanes) {
      const float* lanes = src + channel / kBlock * image_step + channel % kBlock;
      float* out = a.out + channel / kDepth * a.part + (tile - a.begin) * a.tile + channel % kDepth;
      transform_window<Algorithm, kLanes, kGradient>(window, lanes, out, a.point);
    }
  }
}

template <class Algorithm, int kLanes>
ENGRAM_ALWAYS_INLINE void weights_panel(const float* packed, dim_t in, float* transformed, dim_t point) {
  using V = typename Simd<kLanes>::Vector;
  constexpr int kPanel = 2 * kLanes, kSide = Algorithm::kSide;
  for (dim_t k = 0; k < in; ++k)
    for (int lane = 0; lane < kPanel; lane += kLanes) {
      V lines[kSide * kTaps], row[kSide];
      const float* g = packed + k * kTaps * kTaps * kPanel + lane;
#pragma GCC unroll 3
      for (int j = 0; j < kTaps; ++j) {
        const V taps[kTaps] = {Simd<kLanes>::load(g + j * kPanel), Simd<kLanes>::load(g + (kTaps + j) * kPanel),
                               Simd<kLanes>::load(g + (2 * kTaps + j) * kPanel)};
        Algorithm::kernel(Line<const V>{taps}, Line<V>{lines + j, kTaps});
      }
      float* out = transformed + k * kPanel + lane;
#pragma GCC unroll 1
      for (int i = 0; i < kSide; ++i, out += kSide * point) {
        Algorithm::kernel(Line<const V>{lines + i * kTaps}, Line<V>{row});
#pragma GCC unroll 9
        for (int j = 0; j < kSide; ++j) Simd<kLanes>::store(out + j * point, row[j]);
      }
    }
}

/// kRows rows of c: the sum over `depth` products, added to c if `accumulate`.
template <int kLanes, int kRows, bool kTransposed>
ENGRAM_ALWAYS_INLINE void multiply_rows(const MultiplyArgs& m, const float* a, const float* b, float* c, dim_t depth,
                                        bool accumulate) {
  using V = typename Simd<kLanes>::Vector;
  // Asks the third-level cache early for the next kDepth products: 10 to 20 % of the speed with AVX-512; not tried with
  // narrower vectors.
  constexpr bool kAhead = kLanes == 16;
  constexpr int kLocality = 2;
  const float *next_a = a + (kTransposed ? kDepth : 1) * m.a_step, *next_b = b + kDepth * m.b_depth;
  V sum[kRows][2] = {};
  for (dim_t k = 0; k < depth; ++k) {
    const V left = Simd<kLanes>::load(b), right = Simd<kLanes>::load(b + kLanes);
    if constexpr (kAhead) {
      __builtin_prefetch(next_a, 0, kLocality);
      __builtin_prefetch(next_b, 0, kLocality);
      __builtin_prefetch(next_b + kLanes, 0, kLocality);
      next_a += kTransposed ? m.a_step : kRows;
      next_b += m.b_depth;
    }
#pragma GCC unroll 12
    for (int r = 0; r < kRows; ++r) {
      const float value = a[kTransposed ? r : r * kDepth];
      sum[r][0] += value * left;
      sum[r][1] += value * right;
    }
    a += kTransposed ? m.a_step : 1;
    b += m.b_depth;
  }
#pragma GCC unroll 12
  for (int r = 0; r < kRows; ++r)
    for (int half = 0; half < 2; ++half) {
      float* const out = c + (2 * r + half) * kLanes;
      Simd<kLanes>::store(out, accumulate ? sum[r][half] + Simd<kLanes>::load(out) : sum[r][half]);
    }
}

/// As many rows at a time as the registers hold.
template <int kLanes, int kRows, bool kTransposed>
ENGRAM_ALWAYS_INLINE void multiply_panel(const MultiplyArgs& m) {
  constexpr int kPanel = 2 * kLanes;
  for (dim_t k = 0; k < m.depth; k += kDepth) {
    const float *a = m.a + (kTransposed ? k : k / kDepth) * m.a_step, *b = m.b + k * m.b_depth;
    float* c = m.c;
    const dim_t depth = std::min(kDepth, m.depth - k);
    const bool accumulate = m.accumulate || k > 0;
    dim_t rows = m.rows;
    const auto multiply = [&](auto count) __attribute__((always_inline)) {
      for (; rows >= count; rows -= count, a += count * (kTransposed ? 1 : kDepth), c += count * kPanel)
        multiply_rows<kLanes, count, kTransposed>(m, a, b, c, depth, accumulate);
    };
    multiply(std::integral_constant<int, kRows>{});
    multiply(std::integral_constant<int, 4>{});
    multiply(std::integral_constant<int, 1>{});
  }
}

/// The results of one tile for kLanes channels, by columns and then by rows.
template <class Algorithm, int kLanes>
ENGRAM_ALWAYS_INLINE void results_of_tile(const float* products, dim_t point, typename Simd<kLanes>::Vector* result) {
  using V = typename Simd<kLanes>::Vector;
  constexpr int kSide = Algorithm::kSide, kResult = Algorithm::kResult;
  V lines[kResult * kSide];
#pragma GCC unroll 1
  for (int j = 0; j < kSide; ++j) {
    V column[kSide];
#pragma GCC unroll 9
    for (int i = 0; i < kSide; ++i) column[i] = Simd<kLanes>::load(products + (i * kSide + j) * point);
    Algorithm::products(Line<V>{column});
#pragma GCC unroll 8
    for (int i = 0; i < kResult; ++i) lines[i * kSide + j] = column[i];
  }
#pragma GCC unroll 1
  for (int i = 0; i < kResult; ++i) {
    V row[kSide];
#pragma GCC unroll 9
    for (int j = 0; j < kSide; ++j) row[j] = lines[i * kSide + j];
    Algorithm::products(Line<V>{row});
#pragma GCC unroll 8
    for (int j = 0; j < kResult; ++j) result[i * kResult + j] = row[j];
  }
}

template <class Algorithm, int kLanes>
ENGRAM_ALWAYS_INLINE void output_panel(const OutputArgs& a) {
  using V = typename Simd<kLanes>::Vector;
  constexpr int kPanel = 2 * kLanes, kResult = Algorithm::kResult;
  const dim_t block_step = a.shape.pixels() * kBlock;
  const dim_t channels = std::min<dim_t>(kPanel, a.shape.c - a.channel);
  for (dim_t tile = a.begin; tile < a.end; ++tile) {
    const TilePlace at = place_of(a.grid, tile);
    const dim_t top = at.row * kResult, left = at.column * kResult;
    const int rows = int(std::min<dim_t>(kResult, a.shape.h - top));
    const int columns = int(std::min<dim_t>(kResult, a.shape.w - left));
    for (int lane = 0; lane < channels; lane += kLanes) {
      const dim_t channel = a.channel + lane;
      V result[kResult * kResult];
      results_of_tile<Algorithm, kLanes>(a.products + (tile - a.begin) * kPanel + lane, a.point, result);
      const V bias = a.bias ? Simd<kLanes>::load(a.bias + channel) : V{};
      const dim_t first = (at.image * a.shape.blocks() + channel / kBlock) * block_step + channel % kBlock +
                          (top * a.shape.w + left) * kBlock;
      for (int i = 0; i < rows; ++i)
        for (int j = 0; j < columns; ++j) {
          const dim_t pixel = first + (i * a.shape.w + j) * kBlock;
          V v = result[i * kResult + j] + bias;
          if (a.residual) v += Simd<kLanes>::load(a.residual + pixel);
          if (a.relu) v = v < 0 ? V{} : v;  // a NaN stays
          Simd<kLanes>::store(a.y + pixel, v);
        }
    }
  }
}

template <class Algorithm, int kLanes>
ENGRAM_ALWAYS_INLINE void weight_gradient_panel(const PanelArgs& args, const float* sums, dim_t point, float* gw) {
  using V = typename Simd<kLanes>::Vector;
  constexpr int kPanel = 2 * kLanes, kSide = Algorithm::kSide;
  const dim_t channels = std::min<dim_t>(kPanel, args.out - args.first);
  for (dim_t k = 0; k < args.in; ++k)
    for (int lane = 0; lane < channels; lane += kLanes) {
      V lines[kTaps * kSide];
      const float* c = sums + k * kPanel + lane;
#pragma GCC unroll 1
      for (int j = 0; j < kSide; ++j) {
        V column[kSide];
#pragma GCC unroll 9
        for (int i = 0; i < kSide; ++i) column[i] = Simd<kLanes>::load(c + (i * kSide + j) * point);
        Algorithm::kernel_gradients(Line<V>{column});
#pragma GCC unroll 3
        for (int i = 0; i < kTaps; ++i) lines[i * kSide + j] = column[i];
      }
#pragma GCC unroll 1
      for (int i = 0; i < kTaps; ++i) {
        Algorithm::kernel_gradients(Line<V>{lines + i * kSide});
        for (int j = 0; j < kTaps; ++j)
          for (int l = 0; l < kLanes; ++l)
            gw[((args.first + lane + l) * args.in + k) * kTaps * kTaps + i * kTaps + j] = lines[i * kSide + j][l];
      }
    }
}

/// The stages of an algorithm for one instruction set; its attribute cannot be a parameter of a template. A product
/// takes ROWS rows at a time: two vectors each in registers, beside two of the right operand and a broadcast value.
#define ENGRAM_WINOGRAD_STAGES(NAME, ATTRIBUTE, LANES, ROWS)                                                           \
  template <class Algorithm>                                                                                           \
  struct NAME {                                                                                                        \
    static constexpr int kLanes = LANES;                                                                               \
    ATTRIBUTE static void input(const TransformArgs& a) { transform_activation<Algorithm, LANES, false>(a); }          \
    ATTRIBUTE static void weights(const float* packed, dim_t in, float* transformed, dim_t point) {                    \
      weights_panel<Algorithm, LANES>(packed, in, transformed, point);                                                 \
    }                                                                                                                  \
    ATTRIBUTE static void multiply(const MultiplyArgs& m) { multiply_panel<LANES, ROWS, false>(m); }                   \
    ATTRIBUTE static void multiply_transposed(const MultiplyArgs& m) { multiply_panel<LANES, ROWS, true>(m); }         \
    ATTRIBUTE static void output(const OutputArgs& a) { output_panel<Algorithm, LANES>(a); }                           \
    ATTRIBUTE static void output_gradient(const TransformArgs& a) { transform_activation<Algorithm, LANES, true>(a); } \
    ATTRIBUTE static void weight_gradient(const PanelArgs& a, const float* sums, dim_t point, float* gw) {             \
      weight_gradient_panel<Algorithm, LANES>(a, sums, point, gw);                                                     \
    }                                                                                                                  \
  };

ENGRAM_WINOGRAD_STAGES(Baseline, , 4, 6)
#if defined(ENGRAM_HAS_INSTRUCTION_SETS)
ENGRAM_WINOGRAD_STAGES(Avx2, ENGRAM_AVX2, 8, 6)
ENGRAM_WINOGRAD_STAGES(Avx512, ENGRAM_AVX512, 16, 12)
#endif

/// The table of an instruction set's stages of an algorithm.
template <template <class> class StagesOf, class Algorithm>
constexpr Stages table(const char* name) {
  using Set = StagesOf<Algorithm>;
  constexpr int kPoints = Algorithm::kSide * Algorithm::kSide, kTiles = kPoints <= 36 ? 24 : 12;
  Stages s = {.name = name,
              .panel = 2 * Set::kLanes,
              .points = kPoints,
              .result = Algorithm::kResult,
              .tiles = kTiles,
              .panel_tiles = kTiles * (Set::kLanes == 16 ? 3 : 2),  // that cache is larger in processors with AVX-512
              .transform_input = Set::input,
              .transform_weights = Set::weights,
              .multiply = Set::multiply,
              .multiply_transposed = Set::multiply_transposed,
              .transform_output = Set::output,
              .transform_output_gradient = nullptr,
              .transform_weight_gradient = nullptr};
  if constexpr (requires { Algorithm::kernel_gradients(Line<float>{}); }) {
    s.transform_output_gradient = Set::output_gradient;
    s.transform_weight_gradient = Set::weight_gradient;
  }
  return s;
}

template <class Algorithm>
const Stages& stages_of() {
#if defined(ENGRAM_HAS_INSTRUCTION_SETS)
  static constexpr Stages kAvx512 = table<Avx512, Algorithm>("avx512"), kAvx2 = table<Avx2, Algorithm>("avx2");
  if (instruction_set() == InstructionSet::kAvx512) return kAvx512;
  if (instruction_set() == InstructionSet::kAvx2) return kAvx2;
#endif
  static constexpr Stages kBaseline = table<Baseline, Algorithm>("baseline");
  return kBaseline;
}

/// Calls value(o, i, tap) for each element of a packed panel.
template <class Value>
void pack(const PanelArgs& args, int panel, float* packed, const Value& value) {
  constexpr int kCount = kTaps * kTaps;
  const dim_t channels = std::min<dim_t>(panel, args.out - args.first);
  for (dim_t i = 0; i < args.in; ++i)
    for (int tap = 0; tap < kCount; ++tap, packed += panel) {
      for (dim_t o = 0; o < channels; ++o) packed[o] = value(args.first + o, i, tap);
      std::fill(packed + channels, packed + panel, 0.f);
    }
}

}  // namespace

const Stages& stride1_stages() {
  return stages_of<Stride1>();
}
const Stages& stride2_stages() {
  return stages_of<Stride2>();
}
const Stages& stride2_gradient_stages() {
  return stages_of<Stride2Gradient>();
}

void pack_weights(const PanelArgs& args, int panel, const float* weights, float* packed) {
  pack(args, panel, packed,
       [&](dim_t o, dim_t i, int tap) { return weights[(o * args.in + i) * kTaps * kTaps + tap]; });
}

void pack_mirrored_weights(const PanelArgs& args, int panel, const float* weights, float* packed) {
  pack(args, panel, packed, [&](dim_t o, dim_t i, int tap) {
    return weights[(i * args.out + o) * kTaps * kTaps + kTaps * kTaps - 1 - tap];
  });
}

}  // namespace engram::kernels::winograd
