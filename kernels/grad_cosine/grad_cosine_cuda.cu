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

/// 1 / A, 1 / B and the cosine of a row; free_a is 1 where |a| > eps, else 0 (then A is a constant). Double divisions
/// are slow on many GPUs: the reciprocals are rounded to f32, the rest is computed in double, because terms cancel.
struct RowGeometry {
  double inverse_a, inverse_b, cos, free_a, free_b;
};

__device__ RowGeometry geometry(const float* row_stats, int row, float eps) {
  const float *stats = row_stats + dim_t(row) * kNumCosineStats, norm_a = stats[1], norm_b = stats[2];
  const double inverse_a = 1.f / (norm_a > eps ? norm_a : eps), inverse_b = 1.f / (norm_b > eps ? norm_b : eps);
  return {inverse_a, inverse_b, stats[0] * inverse_a * inverse_b, norm_a > eps ? 1.0 : 0.0, norm_b > eps ? 1.0 : 0.0};
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
    const float cross = float(g * at.inverse_a * at.inverse_b);
    return {{float(-g * at.free_a * at.cos * at.inverse_a * at.inverse_a), cross},
            {cross, float(-g * at.free_b * at.cos * at.inverse_b * at.inverse_b)}};
  }
};

/// Projections of v_a and v_b on the unit vectors, as in grad_cosine_cpu.cpp.
struct Projections {
  double q, p, r, u;
};

__device__ Projections projections(const RowGeometry& at, const double* dots) {
  return {dots[0] * at.inverse_a, dots[1] * at.inverse_b, dots[2] * at.inverse_a, dots[3] * at.inverse_b};
}

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
    const auto [q, p, r, u] = projections(at, values);
    grad_grad_cos[row] =
        float((p - at.free_a * at.cos * q) * at.inverse_a + (r - at.free_b * at.cos * u) * at.inverse_b);
  }

  __device__ Coefficients operator()(int row) const {
    const RowGeometry at = geometry(row_stats, row, eps);
    const auto [q, p, r, u] = projections(at, dots + dim_t(row) * 4);
    const double g = grad_cos[row], c = at.cos, a = at.inverse_a, b = at.inverse_b;
    const double k = -at.free_a * q * a - at.free_b * u * b;  // what multiplies the gradient of cos
    const double cross = g * a * b, own_a = g * at.free_a * a * a, own_b = g * at.free_b * b * b;
    return {{float(own_a * (-c * k + (2 * c * q - p) * a - r * b)), float(cross * k), float(-own_a * c), float(cross)},
            {float(cross * k), float(own_b * (-c * k + (2 * c * u - r) * b - p * a)), float(cross), float(-own_b * c)}};
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

/// The double gradient of one row a block of kBlock threads, which keeps four values of each operand a thread in
/// registers: one read of the operands. Rows up to 4 kBlock values.
template <int kBlock>
__global__ void __launch_bounds__(kBlock)
    double_backward_row_kernel(Arrays arrays, Rows rows, DoubleGradientSource source, float* out_a, float* out_b) {
  EMU_SHARED(double, scratch, [4][kBlock / kWarp]);
  EMU_SHARED(Coefficients, shared, [1]);
  const int row = int(blockIdx.x), thread = int(threadIdx.x);
  const dim_t first = dim_t(row) * rows.width;
  Pack<4> x[4] = {};
  if (rows.packs) {
    if (4 * thread < rows.width) load_all(arrays, first + 4 * thread, x);
  } else {
    for_lanes<4>([&](int j) {
      const int i = thread + j * kBlock;
      if (i >= rows.width) return;
#pragma unroll
      for (int k = 0; k < 4; ++k) x[k].v[j] = arrays.x[k] ? arrays.x[k][first + i] : 0.f;
    });
  }
  float own[4] = {};
  for_lanes<4>([&](int j) {
    const float value[4] = {x[0].v[j], x[1].v[j], x[2].v[j], x[3].v[j]};
    DirectionDots::add(value, own);
  });
  double dots[4];
#pragma unroll
  for (int k = 0; k < 4; ++k) dots[k] = block_sum<kBlock>(double(own[k]), scratch[k]);
  if (thread == 0) {
    source(row, dots);
    shared[0] = source(row);
  }
  __syncthreads();
  const Coefficients c = shared[0];
  Pack<4> a = {}, b = {};
  for_lanes<4>([&](int j) {
#pragma unroll
    for (int k = 0; k < 4; ++k) {
      a.v[j] += c.of_a[k] * x[k].v[j];
      b.v[j] += c.of_b[k] * x[k].v[j];
    }
  });
  if (rows.packs) {
    if (4 * thread >= rows.width) return;
    if (out_a) store(out_a + first + 4 * thread, a);
    if (out_b) store(out_b + first + 4 * thread, b);
  } else {
    for_lanes<4>([&](int j) {
      const int i = thread + j * kBlock;
      if (i >= rows.width) return;
      if (out_a) out_a[first + i] = a.v[j];
      if (out_b) out_b[first + i] = b.v[j];
    });
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
  const auto launch_rows = [&]<int kBlock>() {
    ENGRAM_LAUNCH(double_backward_row_kernel<kBlock>, grid_of(args.rows), kBlock, 0, stream, arrays, rows, source,
                  args.grad_a, args.grad_b);
  };
  if (args.width <= 4 * 128) return launch_rows.template operator()<128>();
  if (args.width <= 4 * 256) return launch_rows.template operator()<256>();
  if (args.width <= 4 * 512) return launch_rows.template operator()<512>();
  if (args.width <= 4 * 1024) return launch_rows.template operator()<1024>();
  launch_dots<DirectionDots>(stream, arrays, rows, work.partials, source);
  if (args.grad_a || args.grad_b)
    ENGRAM_LAUNCH((combine_kernel<4, DoubleGradientSource>), grid_of(rows.items()), kThreads, 0, stream, arrays, rows,
                  source, args.grad_a, args.grad_b);
}

}  // namespace

const GradCosineKernels kCudaGradCosine = {forward, backward, double_backward, workspace_bytes};

}  // namespace engram::kernels
