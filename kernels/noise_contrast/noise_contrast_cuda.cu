#include <algorithm>

#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/common/cuda/divisor.cuh"
#include "kernels/noise_contrast/noise_contrast.h"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

constexpr int kThreads = 256;
/// Scores of a block, whose choices it counts in shared memory: the derivative of an image that was drawn twice is
/// twice that of one, so counting takes the place of float atomics.
constexpr int kTile = 8192;

/// One choice a thread.
__global__ void __launch_bounds__(kThreads) draw_kernel(ContrastDrawArgs a, Divisor per_row, int count) {
  const int i = int(blockIdx.x) * kThreads + int(threadIdx.x);
  if (i >= count) return;
  const int row = int(per_row.quotient(std::uint32_t(i))), k = i - row * int(per_row.divisor());
  if (k == 0) {
    a.chosen[i] = a.samples[row];
    return;
  }
  const int label = a.labels[row], begin = a.class_begin[label], size = a.class_size[label];
  const int rank = int(a.uniform[i - row - 1] * float(int(a.images) - size));
  a.chosen[i] = a.by_class[rank < begin ? rank : rank + size];
}

void draw(Stream stream, const ContrastDrawArgs& args) {
  const dim_t count = args.rows * (1 + args.negatives);
  require_32_bit("contrast_draw", count);
  if (count == 0) return;
  ENGRAM_LAUNCH(draw_kernel, grid_of(ceil_div(count, kThreads)), kThreads, 0, stream, args, Divisor(1 + args.negatives),
                int(count));
}

/// What the kernels of a loss share.
struct Contrast {
  const float* scores;
  const std::int32_t* chosen;
  const float* z;
  double *exps, *losses;  ///< sums of a row, and of a tile of a row
  int rows, per_row, images, tiles;

  __device__ const float* row_scores(int row) const { return scores + dim_t(row) * images; }
  __device__ const std::int32_t* row_chosen(int row) const { return chosen + dim_t(row) * per_row; }
};

/// Sum of exp(score) over the choices of a row, where z is still to be found.
__global__ void __launch_bounds__(kThreads) exps_kernel(Contrast c) {
  EMU_SHARED(double, scratch, [kThreads / kWarp]);
  if (*c.z != 0.f) return;
  const int row = int(blockIdx.x);
  const float* scores = c.row_scores(row);
  const std::int32_t* chosen = c.row_chosen(row);
  double own = 0;
  for (int k = int(threadIdx.x); k < c.per_row; k += kThreads) own += double(expf(scores[chosen[k]]));
  const double sum = block_sum<kThreads>(own, scratch);
  if (threadIdx.x == 0) c.exps[row] = sum;
}

/// z, or what its zero stands for; the same bits in every block. Has a barrier.
__device__ __forceinline__ float found_z(const Contrast& c, double* scratch) {
  if (*c.z != 0.f) return *c.z;
  double sum = 0;
  for (int r = int(threadIdx.x); r < c.rows; r += kThreads) sum += c.exps[r];
  sum = block_sum<kThreads>(sum, scratch);
  return float(sum / (double(c.rows) * c.per_row) * c.images);
}

/// How often each image of a tile was chosen. Begins behind and ends with a barrier.
__device__ __forceinline__ void count_choices(const std::int32_t* chosen, int per_row, int begin, int* counts) {
  for (int i = int(threadIdx.x); i < kTile; i += kThreads) counts[i] = 0;
  __syncthreads();
  for (int k = int(threadIdx.x); k < per_row; k += kThreads) {
    const unsigned place = unsigned(chosen[k] - begin);
    if (place < unsigned(kTile)) atomicAdd(&counts[place], 1);
  }
  __syncthreads();
}

/// A tile of a row: its part of the loss, and the derivative if wanted, which may take the scores' place.
__global__ void __launch_bounds__(kThreads) contrast_kernel(Contrast c, double m, float* derivative) {
  EMU_SHARED(double, z_scratch, [kThreads / kWarp]);
  EMU_SHARED(double, scratch, [kThreads / kWarp]);
  EMU_SHARED(int, counts, [kTile]);
  const int row = int(blockIdx.x) / c.tiles, tile = int(blockIdx.x) - row * c.tiles, begin = tile * kTile;
  const int end = min(c.images, begin + kTile);
  const std::int32_t* chosen = c.row_chosen(row);
  const float log_zm = float(log(double(found_z(c, z_scratch)) * m)), e = float(1e-7 / m), scale = 1.f / float(c.rows);
  count_choices(chosen, c.per_row, begin, counts);
  const int own = chosen[0];
  const float* scores = c.row_scores(row);
  double sum = 0;
  for (int j = begin + int(threadIdx.x); j < end; j += kThreads) {
    const float log_q = scores[j] - log_zm;
    const int count = counts[j - begin];
    float slope = 0.f;
    if (count > 0) {
      const float q = expf(log_q > 80.f ? 80.f : log_q), x = q + e;  // beyond 80 log(1 + q) = log q
      sum += double(count) * (log_q > 80.f ? log_q : log1pf(x));
      slope = float(count) * (q / (1.f + x));
    }
    if (j == own) {
      sum -= log_q;
      slope -= 1.f;
    }
    if (derivative) derivative[dim_t(row) * c.images + j] = scale * slope;
  }
  sum = block_sum<kThreads>(sum, scratch);
  if (threadIdx.x == 0) c.losses[blockIdx.x] = sum;
}

/// One block: the loss and z.
__global__ void __launch_bounds__(kThreads) total_kernel(Contrast c, float* loss, float* z_out) {
  EMU_SHARED(double, z_scratch, [kThreads / kWarp]);
  EMU_SHARED(double, scratch, [kThreads / kWarp]);
  const float z = found_z(c, z_scratch);
  double sum = 0;
  for (int i = int(threadIdx.x); i < c.rows * c.tiles; i += kThreads) sum += c.losses[i];
  sum = block_sum<kThreads>(sum, scratch);
  if (threadIdx.x > 0) return;
  *loss = float(sum / c.rows);
  *z_out = z;
}

void loss(Stream stream, const ContrastLossArgs& args) {
  if (args.rows == 0) return;
  require_32_bit("contrast_loss", args.rows * std::max(args.images, 1 + args.negatives));
  Contrast c = {};
  c.scores = args.scores;
  c.chosen = args.chosen;
  c.z = args.z_in;
  c.rows = int(args.rows);
  c.per_row = int(1 + args.negatives);
  c.images = int(args.images);
  c.tiles = int(ceil_div(args.images, kTile));
  c.exps = static_cast<double*>(args.workspace);
  c.losses = c.exps + c.rows;
  ENGRAM_LAUNCH(exps_kernel, grid_of(c.rows), kThreads, 0, stream, c);
  ENGRAM_LAUNCH(contrast_kernel, grid_of(args.rows * c.tiles), kThreads, 0, stream, c,
                double(args.negatives) / double(args.images), args.derivative);
  ENGRAM_LAUNCH(total_kernel, dim3(1), kThreads, 0, stream, c, args.loss, args.z_out);
}

/// A sample's row, unless a later sample is the same.
__global__ void __launch_bounds__(kThreads) mix_kernel(ContrastMixArgs a) {
  EMU_SHARED(int, repeats, [kThreads / kWarp]);
  EMU_SHARED(double, scratch, [kThreads / kWarp]);
  const int row = int(blockIdx.x), sample = a.samples[row];
  int later = 0;
  for (int i = row + 1 + int(threadIdx.x); i < int(a.rows); i += kThreads) later += a.samples[i] == sample;
  if (block_sum<kThreads>(later, repeats) > 0) return;
  const float* embedding = a.embeddings + row * a.width;
  float* bank = a.bank + sample * a.width;
  double squares = 0;
  for (int i = int(threadIdx.x); i < int(a.width); i += kThreads) {
    const float mixed = a.momentum * bank[i] + (1.f - a.momentum) * embedding[i];
    bank[i] = mixed;
    squares += double(mixed) * mixed;
  }
  const float norm = float(sqrt(block_sum<kThreads>(squares, scratch)));
  for (int i = int(threadIdx.x); i < int(a.width); i += kThreads) bank[i] /= norm;
}

void mix(Stream stream, const ContrastMixArgs& args) {
  if (args.rows == 0 || args.width == 0) return;
  ENGRAM_LAUNCH(mix_kernel, grid_of(args.rows), kThreads, 0, stream, args);
}

std::size_t loss_workspace_bytes(dim_t rows, dim_t /*negatives*/, dim_t images) {
  return std::size_t(rows * (1 + ceil_div(images, kTile))) * sizeof(double);
}

}  // namespace

const NoiseContrastKernels kCudaNoiseContrast = {draw, loss, mix, loss_workspace_bytes};

}  // namespace engram::kernels
