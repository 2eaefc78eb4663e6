#include <algorithm>
#include <cmath>

#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/common/cuda/pack.cuh"
#include "kernels/factor_distance/factor_distance.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

constexpr int kThreads = 256;
/// Values of a row that one block of the backward pass takes.
constexpr int kChunk = 4096;

/// Extents, and how rows are read.
struct Rows {
  int rows, width, chunks;
  bool packs;  ///< every row of every operand begins at a multiple of 16 bytes
  int p;
};

template <class... Pointers>
Rows rows_of(dim_t rows, dim_t width, int p, Pointers... pointers) {
  require_32_bit("factor_distance", rows);
  require_32_bit("factor_distance", width);
  return {int(rows), int(width), int(ceil_div(width, kChunk)), width % 4 == 0 && aligned16(pointers...), p};
}

/// d = a - ratio b as in factor_distance_cpu.cpp: the sums' and the gradient's terms.
__device__ __forceinline__ float direction(float d, int p) {
  return p == 2 ? d : float(int(d > 0.f) - int(d < 0.f));
}

/// Four neighbouring values, or four that lie a block apart; zeros past the end.
template <int kBlock>
__device__ __forceinline__ Pack<4> load_part(const float* row, int width, bool packs, int part) {
  Pack<4> x = {};
  const int first = part * 4 * kBlock;
  if (packs) {
    const int i = first + 4 * int(threadIdx.x);
    if (i < width) x = load<4>(row + i);
  } else {
    for_lanes<4>([&](int j) {
      const int i = first + j * kBlock + int(threadIdx.x);
      if (i < width) x.v[j] = row[i];
    });
  }
  return x;
}

/// What follows from the lengths of a row's operands.
struct Lengths {
  float A, ratio;
};

__device__ __forceinline__ Lengths lengths(const double (&squares)[2], float eps) {
  const float a = fmaxf(float(sqrt(squares[0])), eps), b = fmaxf(float(sqrt(squares[1])), eps);
  return {a, a / b};
}

__device__ __forceinline__ void add_squares(const Pack<4>& a, const Pack<4>& b, float (&own)[2]) {
  for_lanes<4>([&](int j) {
    own[0] += a.v[j] * a.v[j];
    own[1] += b.v[j] * b.v[j];
  });
}

__device__ __forceinline__ void add_differences(const Pack<4>& a, const Pack<4>& b, float ratio, int p,
                                                float (&own)[2]) {
  for_lanes<4>([&](int j) {
    const float d = a.v[j] - ratio * b.v[j], g = direction(d, p);
    own[0] += d * g;
    own[1] += a.v[j] * g;
  });
}

/// One row a block, kept in registers between its two sums: one read of the operands. Rows up to 4 kBlock kParts
/// values; with kParts = 0 rows of any length, read twice.
template <int kBlock, int kParts>
__global__ void __launch_bounds__(kBlock)
    forward_kernel(const float* a, const float* b, Rows rows, float eps, float* row_stats, double* row_sums) {
  EMU_SHARED(double, scratch, [2][kBlock / kWarp]);
  EMU_SHARED(double, scratch2, [2][kBlock / kWarp]);
  const int row = int(blockIdx.x);
  const float *x = a + dim_t(row) * rows.width, *y = b + dim_t(row) * rows.width;
  constexpr int kKept = kParts > 0 ? kParts : 1;
  Pack<4> kept_a[kKept], kept_b[kKept];
  const int parts = kParts > 0 ? kParts : (rows.width + 4 * kBlock - 1) / (4 * kBlock);
  float own[2] = {};
  if constexpr (kParts > 0) {
#pragma unroll
    for (int k = 0; k < kParts; ++k) {
      kept_a[k] = load_part<kBlock>(x, rows.width, rows.packs, k);
      kept_b[k] = load_part<kBlock>(y, rows.width, rows.packs, k);
    }
#pragma unroll
    for (int k = 0; k < kParts; ++k) add_squares(kept_a[k], kept_b[k], own);
  } else {
    for (int k = 0; k < parts; ++k)
      add_squares(load_part<kBlock>(x, rows.width, rows.packs, k), load_part<kBlock>(y, rows.width, rows.packs, k),
                  own);
  }
  // One after the other: the sums of a block's warps take many registers.
  const double squares[2] = {block_sum<kBlock>(double(own[0]), scratch[0]),
                             block_sum<kBlock>(double(own[1]), scratch[1])};
  const Lengths of_row = lengths(squares, eps);
  own[0] = own[1] = 0.f;
  if constexpr (kParts > 0) {
#pragma unroll
    for (int k = 0; k < kParts; ++k) add_differences(kept_a[k], kept_b[k], of_row.ratio, rows.p, own);
  } else {
    for (int k = 0; k < parts; ++k)
      add_differences(load_part<kBlock>(x, rows.width, rows.packs, k), load_part<kBlock>(y, rows.width, rows.packs, k),
                      of_row.ratio, rows.p, own);
  }
  const double sums[2] = {block_sum<kBlock>(double(own[0]), scratch2[0]),
                          block_sum<kBlock>(double(own[1]), scratch2[1])};
  if (threadIdx.x != 0) return;
  const double inverse = 1.f / of_row.A, scale = rows.p == 2 ? inverse * inverse : inverse;
  float* stats = row_stats + dim_t(row) * kNumFactorStats;
  stats[0] = of_row.A;
  stats[1] = of_row.ratio;
  stats[2] = float(sums[1] * scale);
  row_sums[row] = sums[0] * scale;
}

/// The second stage: one block.
__global__ void __launch_bounds__(kThreads)
    loss_kernel(const double* row_sums, Rows rows, double inverse_count, float* loss) {
  EMU_SHARED(double, scratch, [kThreads / kWarp]);
  double sum = 0;
  for (int r = int(threadIdx.x); r < rows.rows; r += kThreads) sum += row_sums[r];
  sum = block_sum<kThreads>(sum, scratch) * inverse_count;
  if (threadIdx.x == 0) *loss = float(rows.p == 2 ? sqrt(sum) : sum);
}

/// What multiplies g and a in the gradient of a row.
struct Coefficients {
  float of_g, of_a, ratio;
};

__device__ __forceinline__ Coefficients coefficients(const FactorDistanceBackwardArgs& args, int row,
                                                     float inverse_count) {
  const float* stats = args.row_stats + dim_t(row) * kNumFactorStats;
  const float inverse_a = 1.f / stats[0], along = stats[0] > args.eps ? stats[2] : 0.f;
  float k = *args.grad * inverse_count;
  if (args.p == 2) k = *args.loss > 0.f ? k / *args.loss : 0.f;
  const float scaled = k * inverse_a;
  return {args.p == 2 ? scaled * inverse_a : scaled, -scaled * along * inverse_a, stats[1]};
}

template <int kWidth>
__device__ __forceinline__ void gradient_of(const float* a, const float* b, const Coefficients& c, int p, int begin,
                                            int end, float* out) {
  for (int i = begin + int(threadIdx.x) * kWidth; i < end; i += kThreads * kWidth) {
    const Pack<kWidth> x = load<kWidth>(a + i), y = load<kWidth>(b + i);
    Pack<kWidth> z;
    for_lanes<kWidth>([&](int j) { z.v[j] = c.of_g * direction(x.v[j] - c.ratio * y.v[j], p) + c.of_a * x.v[j]; });
    store(out + i, z);
  }
}

/// One (row, chunk) a block.
__global__ void __launch_bounds__(kThreads)
    backward_kernel(FactorDistanceBackwardArgs args, Rows rows, float inverse_count) {
  EMU_SHARED(Coefficients, shared, [1]);
  const int row = int(blockIdx.x) / rows.chunks, chunk = int(blockIdx.x) - row * rows.chunks;
  if (threadIdx.x == 0) shared[0] = coefficients(args, row, inverse_count);
  __syncthreads();
  const Coefficients c = shared[0];
  const dim_t first = dim_t(row) * rows.width;
  const int begin = chunk * kChunk, end = min(rows.width, begin + kChunk);
  if (rows.packs) {
    gradient_of<4>(args.a + first, args.b + first, c, rows.p, begin, end, args.grad_a + first);
  } else {
    gradient_of<1>(args.a + first, args.b + first, c, rows.p, begin, end, args.grad_a + first);
  }
}

void forward(Stream stream, const FactorDistanceForwardArgs& args) {
  if (args.rows * args.width == 0) return;
  const Rows rows = rows_of(args.rows, args.width, args.p, args.a, args.b);
  auto* row_sums = static_cast<double*>(args.workspace);
  const auto launch_rows = [&]<int kBlock, int kParts>() {
    ENGRAM_LAUNCH((forward_kernel<kBlock, kParts>), grid_of(args.rows), kBlock, 0, stream, args.a, args.b, rows,
                  args.eps, args.row_stats, row_sums);
  };
  if (args.width <= 4 * 128) {
    launch_rows.template operator()<128, 1>();
  } else if (args.width <= 4 * 512) {
    launch_rows.template operator()<512, 1>();
  } else if (args.width <= 4 * 1024) {
    launch_rows.template operator()<512, 2>();
  } else if (args.width <= 4 * 4096) {
    launch_rows.template operator()<512, 8>();
  } else {
    launch_rows.template operator()<512, 0>();
  }
  ENGRAM_LAUNCH(loss_kernel, dim3(1), kThreads, 0, stream, row_sums, rows, 1.0 / double(args.rows * args.width),
                args.loss);
}

void backward(Stream stream, const FactorDistanceBackwardArgs& args) {
  if (args.rows * args.width == 0) return;
  const Rows rows = rows_of(args.rows, args.width, args.p, args.a, args.b, args.grad_a);
  ENGRAM_LAUNCH(backward_kernel, grid_of(dim_t(rows.rows) * rows.chunks), kThreads, 0, stream, args, rows,
                float(1.0 / double(args.rows * args.width)));
}

std::size_t workspace_bytes(dim_t rows) {
  return std::size_t(rows) * sizeof(double);
}

}  // namespace

const FactorDistanceKernels kCudaFactorDistance = {forward, backward, workspace_bytes};

}  // namespace engram::kernels
