#include <algorithm>
#include <cmath>

#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/common/cuda/pack.cuh"
#include "kernels/grad_cosine/grad_cosine.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

constexpr int kThreads = 256;
/// Elements of a row that one group of threads takes: 16 or fewer a thread in the block form.
constexpr int kChunk = 4096;
/// Rows up to this width are given to a warp each.
constexpr int kWarpWidth = 1024;

/// Operands: a, b, and for the double gradient v_a, v_b (either may be null: 0).
struct Arrays {
  const float* x[4];
};

/// How rows are shared: one (row, chunk) a group of threads.
struct Rows {
  int rows, width, chunks, group;
  bool packs;  ///< every row of every operand begins at a multiple of 16 bytes

  dim_t items() const { return dim_t(rows) * chunks; }
};

template <class... Pointers>
Rows rows_of(dim_t rows, dim_t width, Pointers... pointers) {
  require_32_bit("grad_cosine", std::max(rows, width));
  Rows r = {};
  r.rows = int(rows);
  r.width = int(width);
  r.group = width <= kWarpWidth ? kWarp : kThreads;
  r.chunks = std::max(1, int(ceil_div(width, kChunk)));
  r.packs = width % 4 == 0 && aligned16(pointers...);
  return r;
}

/// a.b, |a|^2, |b|^2.
struct SquareDots {
  static constexpr int kArrays = 2, kDots = 3;
  __device__ __forceinline__ static void add(const float (&x)[kArrays], float (&dots)[kDots]) {
    dots[0] += x[0] * x[1];
    dots[1] += x[0] * x[0];
    dots[2] += x[1] * x[1];
  }
};

/// v_a.a, v_a.b, v_b.a, v_b.b.
struct DirectionDots {
  static constexpr int kArrays = 4, kDots = 4;
  __device__ __forceinline__ static void add(const float (&x)[kArrays], float (&dots)[kDots]) {
    dots[0] += x[2] * x[0];
    dots[1] += x[2] * x[1];
    dots[2] += x[3] * x[0];
    dots[3] += x[3] * x[1];
  }
};

template <int kWidth, int kArrays>
__device__ __forceinline__ void load_all(const Arrays& arrays, dim_t at, Pack<kWidth> (&x)[kArrays]) {
#pragma unroll
  for (int k = 0; k < kArrays; ++k) x[k] = arrays.x[k] ? load<kWidth>(arrays.x[k] + at) : Pack<kWidth>{};
}

template <class Dots, int kWidth, int kGroup>
__device__ __forceinline__ void add_dots(const Arrays& arrays, dim_t row, int begin, int end, int lane,
                                         float (&dots)[Dots::kDots]) {
  for (int i = begin + lane * kWidth; i < end; i += kGroup * kWidth) {
    Pack<kWidth> x[Dots::kArrays];
    load_all(arrays, row + i, x);
    for_lanes<kWidth>([&](int j) {
      float value[Dots::kArrays];
#pragma unroll
      for (int k = 0; k < Dots::kArrays; ++k) value[k] = x[k].v[j];
      Dots::add(value, dots);
    });
  }
}

/// First stage: the dot products of one (row, chunk) a group of kGroup threads; f32 within a thread, double across.
/// With one chunk a row `finish(row, dots)` takes them, else they go to partials [row][chunk][kDots].
template <class Dots, int kGroup, class Finish>
__global__ void __launch_bounds__(kThreads) dots_kernel(Arrays arrays, Rows rows, double* partials, Finish finish) {
  EMU_SHARED(double, scratch, [Dots::kDots][kThreads / kWarp]);
  const dim_t item = dim_t(blockIdx.x) * (kThreads / kGroup) + int(threadIdx.x) / kGroup;
  const int row = int(item / rows.chunks), chunk = int(item % rows.chunks), lane = int(threadIdx.x) % kGroup;
  float own[Dots::kDots] = {};
  if (row < rows.rows) {
    const dim_t first = dim_t(row) * rows.width;
    const int begin = chunk * kChunk, end = min(rows.width, begin + kChunk);
    if (rows.packs) {
      add_dots<Dots, 4, kGroup>(arrays, first, begin, end, lane, own);
    } else {
      add_dots<Dots, 1, kGroup>(arrays, first, begin, end, lane, own);
    }
  }
  double dots[Dots::kDots];
#pragma unroll
  for (int k = 0; k < Dots::kDots; ++k) {
    if constexpr (kGroup == kThreads) {
      dots[k] = block_sum<kThreads>(double(own[k]), scratch[k]);
    } else {
      dots[k] = warp_sum(double(own[k]));
    }
  }
  if (lane != 0 || row >= rows.rows) return;
  if (rows.chunks == 1) {
    finish(row, dots);
  } else {
    for (int k = 0; k < Dots::kDots; ++k) partials[item * Dots::kDots + k] = dots[k];
  }
}

/// Second stage: one warp a row.
template <class Dots, class Finish>
__global__ void __launch_bounds__(kThreads) merge_kernel(Rows rows, const double* partials, Finish finish) {
  const int row = int(blockIdx.x) * (kThreads / kWarp) + int(threadIdx.x) / kWarp, lane = int(threadIdx.x) % kWarp;
  double dots[Dots::kDots] = {};
  for (int chunk = lane; row < rows.rows && chunk < rows.chunks; chunk += kWarp)
    for (int k = 0; k < Dots::kDots; ++k) dots[k] += partials[(dim_t(row) * rows.chunks + chunk) * Dots::kDots + k];
#pragma unroll
  for (int k = 0; k < Dots::kDots; ++k) dots[k] = warp_sum(dots[k]);
  if (lane == 0 && row < rows.rows) finish(row, dots);
}

template <class Dots, class Finish>
void launch_dots(Stream stream, const Arrays& arrays, const Rows& rows, double* partials, const Finish& finish) {
  const dim3 grid = grid_of(ceil_div(rows.items() * rows.group, kThreads));
  if (rows.group == kWarp) {
    ENGRAM_LAUNCH((dots_kernel<Dots, kWarp, Finish>), grid, kThreads, 0, stream, arrays, rows, partials, finish);
  } else {
    ENGRAM_LAUNCH((dots_kernel<Dots, kThreads, Finish>), grid, kThreads, 0, stream, arrays, rows, partials, finish);
  }
  if (rows.chunks > 1)
    ENGRAM_LAUNCH((merge_kernel<Dots, Finish>), grid_of(ceil_div(dim_t(rows.rows) * kWarp, kThreads)), kThreads, 0,
                  stream, rows, partials, finish);
}

/// Denominators and cosine of a row; free_a is 1 where |a| > eps, else 0 (then A is a constant).
struct RowGeometry {
  double A, B, cos, free_a, free_b;
};

__device__ RowGeometry geometry(const float* row_stats, int row, float eps) {
  const float *stats = row_stats + dim_t(row) * kNumCosineStats, norm_a = stats[1], norm_b = stats[2];
  const double A = norm_a > eps ? norm_a : eps, B = norm_b > eps ? norm_b : eps;
  return {A, B, double(stats[0]) / (A * B), norm_a > eps ? 1.0 : 0.0, norm_b > eps ? 1.0 : 0.0};
}

struct CosineFinish {
  float eps;
  float *cos, *row_stats;

  __device__ void operator()(int row, const double (&dots)[3]) const {
    float* stats = row_stats + dim_t(row) * kNumCosineStats;
    stats[0] = float(dots[0]);
    stats[1] = float(sqrt(dots[1]));
    stats[2] = float(sqrt(dots[2]));
    cos[row] = float(geometry(row_stats, row, eps).cos);
  }
};

/// Of each output, what multiplies a, b, v_a and v_b.
struct Coefficients {
  float of_a[4], of_b[4];
};

/// The gradient's coefficients.
struct GradientSource {
  const float *row_stats, *grad_cos;
  float eps;

  __device__ Coefficients operator()(int row) const {
    const RowGeometry at = geometry(row_stats, row, eps);
    const double g = grad_cos[row];
    const float cross = float(g / (at.A * at.B));
    return {{float(-g * at.free_a * at.cos / (at.A * at.A)), cross},
            {cross, float(-g * at.free_b * at.cos / (at.B * at.B))}};
  }
};

/// The double gradient's coefficients; names and formulas as in grad_cosine_cpu.cpp. The dot products lie in `dots`
/// [rows][4].
struct DoubleGradientSource {
  const float *row_stats, *grad_cos;
  float eps;
  double* dots;
  float* grad_grad_cos;  ///< or null

  /// Keeps the dot products, and writes the gradient to grad_cos.
  __device__ void operator()(int row, const double (&values)[4]) const {
    for (int k = 0; k < 4; ++k) dots[dim_t(row) * 4 + k] = values[k];
    if (!grad_grad_cos) return;
    const RowGeometry at = geometry(row_stats, row, eps);
    const double q = values[0] / at.A, p = values[1] / at.B, r = values[2] / at.A, u = values[3] / at.B;
    grad_grad_cos[row] = float((p - at.free_a * at.cos * q) / at.A + (r - at.free_b * at.cos * u) / at.B);
  }

  __device__ Coefficients operator()(int row) const {
    const RowGeometry at = geometry(row_stats, row, eps);
    const double* values = dots + dim_t(row) * 4;
    const double q = values[0] / at.A, p = values[1] / at.B, r = values[2] / at.A, u = values[3] / at.B;
    const double g = grad_cos[row], c = at.cos;
    const double k = -at.free_a * q / at.A - at.free_b * u / at.B;  // what multiplies the gradient of cos
    const double cross = g / (at.A * at.B), own_a = g * at.free_a / (at.A * at.A),
                 own_b = g * at.free_b / (at.B * at.B);
    return {{float(own_a * (-c * k + (2 * c * q - p) / at.A - r / at.B)), float(cross * k), float(-own_a * c),
             float(cross)},
            {float(cross * k), float(own_b * (-c * k + (2 * c * u - r) / at.B - p / at.A)), float(cross),
             float(-own_b * c)}};
  }
};

template <int kArrays, int kWidth>
__device__ __forceinline__ void combine_row(const Arrays& arrays, const Coefficients& c, dim_t row, int begin, int end,
                                            float* out_a, float* out_b) {
  for (int i = begin + int(threadIdx.x) * kWidth; i < end; i += kThreads * kWidth) {
    Pack<kWidth> x[kArrays], a, b;
    load_all(arrays, row + i, x);
    for_lanes<kWidth>([&](int j) {
      a.v[j] = b.v[j] = 0.f;
#pragma unroll
      for (int k = 0; k < kArrays; ++k) {
        a.v[j] += c.of_a[k] * x[k].v[j];
        b.v[j] += c.of_b[k] * x[k].v[j];
      }
    });
    if (out_a) store(out_a + row + i, a);
    if (out_b) store(out_b + row + i, b);
  }
}

/// Both outputs of one (row, chunk) a block, from one read of the operands.
template <int kArrays, class Source>
__global__ void __launch_bounds__(kThreads)
    combine_kernel(Arrays arrays, Rows rows, Source source, float* out_a, float* out_b) {
  EMU_SHARED(Coefficients, shared, [1]);
  const int row = int(blockIdx.x) / rows.chunks, chunk = int(blockIdx.x) % rows.chunks;
  if (threadIdx.x == 0) shared[0] = source(row);
  __syncthreads();
  const Coefficients c = shared[0];
  const dim_t first = dim_t(row) * rows.width;
  const int begin = chunk * kChunk, end = min(rows.width, begin + kChunk);
  if (rows.packs) {
    combine_row<kArrays, 4>(arrays, c, first, begin, end, out_a, out_b);
  } else {
    combine_row<kArrays, 1>(arrays, c, first, begin, end, out_a, out_b);
  }
}

/// Partial sums of the first stage, then the dot products of each row.
struct Workspace {
  double *partials, *dots;
};

Workspace workspace(const Rows& rows, void* memory) {
  double* first = static_cast<double*>(memory);
  return {first, first + (rows.chunks > 1 ? rows.items() * 4 : 0)};
}

std::size_t workspace_bytes(dim_t rows, dim_t width) {
  const Rows r = rows_of(rows, width);
  return std::size_t((r.chunks > 1 ? r.items() * 4 : 0) + rows * 4) * sizeof(double);
}

void forward(Stream stream, const GradCosineForwardArgs& args) {
  if (args.rows == 0) return;
  const Rows rows = rows_of(args.rows, args.width, args.a, args.b);
  launch_dots<SquareDots>(stream, {{args.a, args.b}}, rows, workspace(rows, args.workspace).partials,
                          CosineFinish{args.eps, args.cos, args.row_stats});
}

void backward(Stream stream, const GradCosineBackwardArgs& args) {
  if (args.rows * args.width == 0 || (!args.grad_a && !args.grad_b)) return;
  const Rows rows = rows_of(args.rows, args.width, args.a, args.b, args.grad_a, args.grad_b);
  ENGRAM_LAUNCH((combine_kernel<2, GradientSource>), grid_of(rows.items()), kThreads, 0, stream,
                (Arrays{{args.a, args.b}}), rows, (GradientSource{args.row_stats, args.grad_cos, args.eps}),
                args.grad_a, args.grad_b);
}

void double_backward(Stream stream, const GradCosineDoubleBackwardArgs& args) {
  if (args.rows == 0) return;
  const Rows rows = rows_of(args.rows, args.width, args.a, args.b, args.v_a, args.v_b, args.grad_a, args.grad_b);
  const Workspace work = workspace(rows, args.workspace);
  const Arrays arrays = {{args.a, args.b, args.v_a, args.v_b}};
  const DoubleGradientSource source = {args.row_stats, args.grad_cos, args.eps, work.dots, args.grad_grad_cos};
  launch_dots<DirectionDots>(stream, arrays, rows, work.partials, source);
  if (args.width > 0 && (args.grad_a || args.grad_b))
    ENGRAM_LAUNCH((combine_kernel<4, DoubleGradientSource>), grid_of(rows.items()), kThreads, 0, stream, arrays, rows,
                  source, args.grad_a, args.grad_b);
}

}  // namespace

const GradCosineKernels kCudaGradCosine = {forward, backward, double_backward, workspace_bytes};

}  // namespace engram::kernels
