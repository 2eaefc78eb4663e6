#include "kernels/common/cuda/block_reduce.cuh"
#include "kernels/optim_step/optim_step.h"
#include "kernels/optim_step/tensor_table.cuh"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

struct SgdFactors {
  const float *lr, *grad_scale;
  float momentum, weight_decay;
  bool nesterov;
};

template <int kCapacity>
__global__ void __launch_bounds__(kMapThreads)
    sgd_kernel(EMU_GRID_CONSTANT(TensorTable<SgdTensor, kCapacity>) table, SgdFactors f) {
  const TensorTile tile = tensor_tile(table);
  const SgdTensor& t = table.tensor[tile.tensor];
  const float lr = *f.lr, scale = f.grad_scale ? *f.grad_scale : 1.f;
  if (f.momentum == 0.f) {
    const MapArrays<2, 1> arrays = {{t.param, t.grad}, {t.param}};
    map_range(arrays, tile.begin, tile.count, arrays.aligned(),
              [&](const float(&x)[2], float(&y)[1]) { y[0] = x[0] - lr * (scale * x[1] + f.weight_decay * x[0]); });
  } else if (t.first_step) {  // the buffer is not read
    const MapArrays<2, 2> arrays = {{t.param, t.grad}, {t.param, t.momentum}};
    const float gain = f.nesterov ? 1.f + f.momentum : 1.f;
    map_range(arrays, tile.begin, tile.count, arrays.aligned(), [&](const float(&x)[2], float(&y)[2]) {
      y[1] = scale * x[1] + f.weight_decay * x[0];
      y[0] = x[0] - lr * (gain * y[1]);
    });
  } else {
    const MapArrays<3, 2> arrays = {{t.param, t.grad, t.momentum}, {t.param, t.momentum}};
    map_range(arrays, tile.begin, tile.count, arrays.aligned(), [&](const float(&x)[3], float(&y)[2]) {
      const float g = scale * x[1] + f.weight_decay * x[0];
      y[1] = f.momentum * x[2] + g;
      y[0] = x[0] - lr * (f.nesterov ? g + f.momentum * y[1] : y[1]);
    });
  }
}

struct AdamFactors {
  const float *lr, *grad_scale;
  double beta1, beta2;
  float eps, weight_decay;
  bool decoupled_decay;
};

/// What one tensor's step count makes of the factors.
struct AdamStep {
  float step_size, inverse_sqrt_bias2, shrink;
};

template <int kCapacity>
__global__ void __launch_bounds__(kMapThreads)
    adam_kernel(EMU_GRID_CONSTANT(TensorTable<AdamTensor, kCapacity>) table, AdamFactors f) {
  EMU_SHARED(AdamStep, shared, [1]);
  const TensorTile tile = tensor_tile(table);
  const AdamTensor& t = table.tensor[tile.tensor];
  if (threadIdx.x == 0) {
    const double step = double(*t.step + 1), lr = double(*f.lr);
    const double bias1 = 1 - pow(f.beta1, step), bias2 = 1 - pow(f.beta2, step);
    shared[0] = {float(lr / bias1), float(1 / sqrt(bias2)), f.decoupled_decay ? float(1 - lr * f.weight_decay) : 1.f};
  }
  __syncthreads();
  const AdamStep s = shared[0];
  const float scale = f.grad_scale ? *f.grad_scale : 1.f, l2 = f.decoupled_decay ? 0.f : f.weight_decay;
  const float beta1 = float(f.beta1), rest1 = float(1 - f.beta1), beta2 = float(f.beta2), rest2 = float(1 - f.beta2);
  const MapArrays<4, 3> arrays = {{t.param, t.grad, t.m, t.v}, {t.param, t.m, t.v}};
  map_range(arrays, tile.begin, tile.count, arrays.aligned(), [&](const float(&x)[4], float(&y)[3]) {
    const float g = scale * x[1] + l2 * x[0];
    y[1] = beta1 * x[2] + rest1 * g;
    y[2] = beta2 * x[3] + rest2 * (g * g);
    y[0] = s.shrink * x[0] - s.step_size * (y[1] / (sqrtf(y[2]) * s.inverse_sqrt_bias2 + f.eps));
  });
}

/// Step counts of one launch.
struct StepCounts {
  static constexpr int kCapacity = 512;
  std::int32_t* step[kCapacity];
};

/// Raises the counts behind the step, which other blocks of that launch read.
__global__ void __launch_bounds__(StepCounts::kCapacity)
    raise_steps_kernel(EMU_GRID_CONSTANT(StepCounts) counts, int num_counts) {
  if (int(threadIdx.x) < num_counts) ++*counts.step[threadIdx.x];
}

template <int kCapacity>
__global__ void __launch_bounds__(kMapThreads)
    ema_kernel(EMU_GRID_CONSTANT(TensorTable<EmaTensor, kCapacity>) table, float decay, float rest) {
  const TensorTile tile = tensor_tile(table);
  const EmaTensor& t = table.tensor[tile.tensor];
  const MapArrays<2, 1> arrays = {{t.average, t.value}, {t.average}};
  map_range(arrays, tile.begin, tile.count, arrays.aligned(),
            [&](const float(&x)[2], float(&y)[1]) { y[0] = decay * x[0] + rest * x[1]; });
}

template <int kCapacity>
__global__ void __launch_bounds__(kMapThreads)
    keep_best_kernel(EMU_GRID_CONSTANT(TensorTable<EmaTensor, kCapacity>) table, const float* loss, const float* best) {
  if (!(*loss < *best)) return;
  const TensorTile tile = tensor_tile(table);
  const EmaTensor& t = table.tensor[tile.tensor];
  const MapArrays<1, 1> arrays = {{t.value}, {t.average}};
  map_range(arrays, tile.begin, tile.count, arrays.aligned(), [](const float(&x)[1], float(&y)[1]) { y[0] = x[0]; });
}

/// Behind the copies, which compare with the old value.
__global__ void __launch_bounds__(kWarp) lower_best_kernel(const float* loss, float* best) {
  if (threadIdx.x == 0 && *loss < *best) *best = *loss;
}

/// First stage: the sum of squares of each tile.
template <int kCapacity>
__global__ void __launch_bounds__(kMapThreads)
    square_sums_kernel(EMU_GRID_CONSTANT(TensorTable<GradTensor, kCapacity>) table, double* partials) {
  EMU_SHARED(double, scratch, [kMapThreads / kWarp]);
  const TensorTile tile = tensor_tile(table);
  const float* x = table.tensor[tile.tensor].grad + tile.begin;
  const int packs = aligned16(x) ? tile.count / 4 : 0;
  float sum = 0;  // of at most kMapTile / kMapThreads = 16 values
#pragma unroll 4
  for (int at = int(threadIdx.x); at < packs; at += kMapThreads) {
    const Pack<4> pack = load<4>(x + 4 * at);
    for_lanes<4>([&](int i) { sum += pack.v[i] * pack.v[i]; });
  }
  for (int i = 4 * packs + int(threadIdx.x); i < tile.count; i += kMapThreads) sum += x[i] * x[i];
  const double total = block_sum<kMapThreads>(double(sum), scratch);
  if (threadIdx.x == 0) partials[blockIdx.x] = total;
}

/// Second stage: one block.
__global__ void __launch_bounds__(kMapThreads)
    norm_kernel(const double* partials, int tiles, float max_norm, float* norm, float* factor) {
  EMU_SHARED(double, scratch, [kMapThreads / kWarp]);
  double sum = 0;
  for (int i = int(threadIdx.x); i < tiles; i += kMapThreads) sum += partials[i];
  const double root = sqrt(block_sum<kMapThreads>(sum, scratch));
  if (threadIdx.x > 0) return;
  const double clip = double(max_norm) / (root + 1e-6);
  *norm = float(root);
  *factor = float(clip < 1 ? clip : 1);
}

void sgd(Stream stream, const SgdArgs& args) {
  const SgdFactors factors = {args.lr, args.grad_scale, args.momentum, args.weight_decay, args.nesterov};
  for_tables(args.tensors, args.num_tensors,
             [&]<int kCapacity>(const TensorTable<SgdTensor, kCapacity>& table, int, int tiles) {
               ENGRAM_LAUNCH(sgd_kernel<kCapacity>, grid_of(tiles), kMapThreads, 0, stream, table, factors);
             });
}

void adam(Stream stream, const AdamArgs& args) {
  const AdamFactors factors = {args.lr,  args.grad_scale,   args.beta1,          args.beta2,
                               args.eps, args.weight_decay, args.decoupled_decay};
  for_tables(args.tensors, args.num_tensors,
             [&]<int kCapacity>(const TensorTable<AdamTensor, kCapacity>& table, int, int tiles) {
               ENGRAM_LAUNCH(adam_kernel<kCapacity>, grid_of(tiles), kMapThreads, 0, stream, table, factors);
             });
  for (int first = 0; first < args.num_tensors; first += StepCounts::kCapacity) {
    StepCounts counts = {};
    const int count = std::min(StepCounts::kCapacity, args.num_tensors - first);
    for (int i = 0; i < count; ++i) counts.step[i] = args.tensors[first + i].step;
    ENGRAM_LAUNCH(raise_steps_kernel, dim3(1), StepCounts::kCapacity, 0, stream, counts, count);
  }
}

void ema(Stream stream, const EmaArgs& args) {
  const float decay = float(args.decay), rest = float(1 - args.decay);
  for_tables(args.tensors, args.num_tensors,
             [&]<int kCapacity>(const TensorTable<EmaTensor, kCapacity>& table, int, int tiles) {
               ENGRAM_LAUNCH(ema_kernel<kCapacity>, grid_of(tiles), kMapThreads, 0, stream, table, decay, rest);
             });
}

void keep_best(Stream stream, const KeepBestArgs& args) {
  for_tables(args.tensors, args.num_tensors,
             [&]<int kCapacity>(const TensorTable<EmaTensor, kCapacity>& table, int, int tiles) {
               ENGRAM_LAUNCH(keep_best_kernel<kCapacity>, grid_of(tiles), kMapThreads, 0, stream, table, args.loss,
                             args.best);
             });
  ENGRAM_LAUNCH(lower_best_kernel, dim3(1), kWarp, 0, stream, args.loss, args.best);
}

void grad_norm(Stream stream, const GradNormArgs& args) {
  for_tables(args.tensors, args.num_tensors,
             [&]<int kCapacity>(const TensorTable<GradTensor, kCapacity>& table, int tiles_before, int tiles) {
               ENGRAM_LAUNCH(square_sums_kernel<kCapacity>, grid_of(tiles), kMapThreads, 0, stream, table,
                             args.workspace + tiles_before);
             });
  ENGRAM_LAUNCH(norm_kernel, dim3(1), kMapThreads, 0, stream, args.workspace,
                int(total_tiles(args.tensors, args.num_tensors)), args.max_norm, args.norm, args.factor);
}

std::size_t grad_norm_workspace_bytes(const GradTensor* tensors, int num_tensors) {
  return std::size_t(total_tiles(tensors, num_tensors)) * sizeof(double);
}

}  // namespace

const OptimStepKernels kCudaOptimStep = {sgd, adam, ema, keep_best, grad_norm, grad_norm_workspace_bytes};

}  // namespace engram::kernels
