#include <cmath>

#include "kernels/common/parallel.h"
#include "kernels/common/simd.h"
#include "kernels/common/vec_math.h"
#include "kernels/optim_step/optim_step.h"

namespace engram::kernels {
namespace {

/// Elements of one chunk of the concatenated parameters: 64 KiB of each array.
constexpr dim_t kChunk = 1 << 14;

template <class Tensor>
dim_t total_count(const Tensor* tensors, int num_tensors) {
  dim_t total = 0;
  for (int i = 0; i < num_tensors; ++i) total += tensors[i].count;
  return total;
}

/// Treats the tensors as one array, cuts it into fixed chunks and calls body(tensor, begin, end, chunk) for each piece,
/// chunks in parallel. Small tensors share a chunk, large ones span several.
template <class Tensor, class Body>
void for_each_piece(const Tensor* tensors, int num_tensors, const Body& body) {
  parallel_chunks(total_count(tensors, num_tensors), kChunk, [&](dim_t begin, dim_t end, dim_t chunk) {
    dim_t first = 0;  // position of the tensor in the whole
    for (int i = 0; i < num_tensors && first < end; ++i) {
      const dim_t from = std::max(begin, first) - first, to = std::min(end - first, tensors[i].count);
      if (from < to) body(tensors[i], from, to, chunk);
      first += tensors[i].count;
    }
  });
}

/// The three forms of the step differ by a constant branch, hoisted out of the loop.
ENGRAM_MULTIVERSION void sgd_range(const SgdArgs& args, const SgdTensor& tensor, dim_t begin, dim_t end) {
  float* __restrict p = tensor.param;
  const float* __restrict grad = tensor.grad;
  float* __restrict buffer = tensor.momentum;
  const float scale = args.grad_scale ? *args.grad_scale : 1.f;
  const float lr = *args.lr, decay = args.weight_decay, momentum = args.momentum;
  if (momentum == 0) {
    for (dim_t i = begin; i < end; ++i) p[i] -= lr * (scale * grad[i] + decay * p[i]);
  } else if (tensor.first_step) {
    const float gain = args.nesterov ? 1 + momentum : 1.f;
    for (dim_t i = begin; i < end; ++i) {
      const float g = scale * grad[i] + decay * p[i];
      buffer[i] = g;
      p[i] -= lr * (gain * g);
    }
  } else if (args.nesterov) {
    for (dim_t i = begin; i < end; ++i) {
      const float g = scale * grad[i] + decay * p[i];
      const float m = momentum * buffer[i] + g;
      buffer[i] = m;
      p[i] -= lr * (g + momentum * m);
    }
  } else {
    for (dim_t i = begin; i < end; ++i) {
      const float m = momentum * buffer[i] + (scale * grad[i] + decay * p[i]);
      buffer[i] = m;
      p[i] -= lr * m;
    }
  }
}

/// Constants of one Adam step of one tensor, in the order of the formula.
struct AdamFactors {
  float scale, l2, shrink, beta1, one_minus_beta1, beta2, one_minus_beta2, step_size, inverse_sqrt_bias2, eps;
};

AdamFactors adam_factors(const AdamArgs& args, std::int32_t step) {
  const double bias1 = 1 - std::pow(args.beta1, double(step)), bias2 = 1 - std::pow(args.beta2, double(step));
  return {.scale = args.grad_scale ? *args.grad_scale : 1.f,
          .l2 = args.decoupled_decay ? 0.f : args.weight_decay,
          .shrink = args.decoupled_decay ? float(1 - double(*args.lr) * args.weight_decay) : 1.f,
          .beta1 = float(args.beta1),
          .one_minus_beta1 = float(1 - args.beta1),
          .beta2 = float(args.beta2),
          .one_minus_beta2 = float(1 - args.beta2),
          .step_size = float(*args.lr / bias1),
          .inverse_sqrt_bias2 = float(1 / std::sqrt(bias2)),
          .eps = args.eps};
}

ENGRAM_MULTIVERSION void adam_range(const AdamFactors& f, const AdamTensor& tensor, dim_t begin, dim_t end) {
  float* __restrict p = tensor.param;
  const float* __restrict grad = tensor.grad;
  float* __restrict m = tensor.m;
  float* __restrict v = tensor.v;
  for (dim_t i = begin; i < end; ++i) {
    const float g = f.scale * grad[i] + f.l2 * p[i];
    const float mi = f.beta1 * m[i] + f.one_minus_beta1 * g;
    const float vi = f.beta2 * v[i] + f.one_minus_beta2 * (g * g);
    m[i] = mi;
    v[i] = vi;
    p[i] = f.shrink * p[i] - f.step_size * (mi / (std::sqrt(vi) * f.inverse_sqrt_bias2 + f.eps));
  }
}

ENGRAM_MULTIVERSION void ema_range(const EmaTensor& tensor, float decay, float rest, dim_t begin, dim_t end) {
  float* __restrict average = tensor.average;
  const float* __restrict value = tensor.value;
  for (dim_t i = begin; i < end; ++i) average[i] = decay * average[i] + rest * value[i];
}

/// Sum of squares: f32 lanes over at most 1024 values, then double.
ENGRAM_MULTIVERSION double square_sum_range(const float* x, dim_t count) {
  double sum = 0;
  for (dim_t block = 0; block < count; block += 1024) {
    const dim_t end = std::min(count, block + 1024);
    Vec16 lanes = {};
    dim_t i = block;
    for (; i + 16 <= end; i += 16) lanes += load16(x + i) * load16(x + i);
    if (i < end) {
      const Vec16 rest = load_partial16(x + i, end - i, 0);
      lanes += rest * rest;
    }
    sum += sum_lanes(lanes);
  }
  return sum;
}

void sgd(Stream, const SgdArgs& args) {
  for_each_piece(args.tensors, args.num_tensors,
                 [&](const SgdTensor& tensor, dim_t begin, dim_t end, dim_t) { sgd_range(args, tensor, begin, end); });
}

void adam(Stream, const AdamArgs& args) {
  for (int i = 0; i < args.num_tensors; ++i) ++*args.tensors[i].step;
  for_each_piece(args.tensors, args.num_tensors, [&](const AdamTensor& tensor, dim_t begin, dim_t end, dim_t) {
    adam_range(adam_factors(args, *tensor.step), tensor, begin, end);
  });
}

void ema(Stream, const EmaArgs& args) {
  const float decay = float(args.decay), rest = float(1 - args.decay);
  for_each_piece(args.tensors, args.num_tensors, [&](const EmaTensor& tensor, dim_t begin, dim_t end, dim_t) {
    ema_range(tensor, decay, rest, begin, end);
  });
}

void keep_best(Stream, const KeepBestArgs& args) {
  if (!(*args.loss < *args.best)) return;
  for_each_piece(args.tensors, args.num_tensors, [&](const EmaTensor& tensor, dim_t begin, dim_t end, dim_t) {
    std::copy(tensor.value + begin, tensor.value + end, tensor.average + begin);
  });
  *args.best = *args.loss;
}

void grad_norm(Stream, const GradNormArgs& args) {
  const dim_t num_chunks = (total_count(args.tensors, args.num_tensors) + kChunk - 1) / kChunk;
  std::fill(args.workspace, args.workspace + num_chunks, 0.0);
  for_each_piece(args.tensors, args.num_tensors, [&](const GradTensor& tensor, dim_t begin, dim_t end, dim_t chunk) {
    args.workspace[chunk] += square_sum_range(tensor.grad + begin, end - begin);
  });
  double sum = 0;
  for (dim_t i = 0; i < num_chunks; ++i) sum += args.workspace[i];
  const double norm = std::sqrt(sum);
  *args.norm = float(norm);
  *args.factor = float(std::min(1.0, args.max_norm / (norm + 1e-6)));
}

std::size_t grad_norm_workspace_bytes(const GradTensor* tensors, int num_tensors) {
  return std::size_t((total_count(tensors, num_tensors) + kChunk - 1) / kChunk) * sizeof(double);
}

}  // namespace

Cost sgd_cost(dim_t total_count, bool momentum) {
  return {total_count * (momentum ? 12 : 8), total_count * (momentum ? 8 : 4), total_count * (momentum ? 8 : 5)};
}
Cost adam_cost(dim_t total_count) {
  return {total_count * 16, total_count * 12, total_count * 15};
}
Cost ema_cost(dim_t total_count) {
  return {total_count * 8, total_count * 4, total_count * 3};
}
Cost keep_best_cost(dim_t total_count) {
  return {total_count * 4, total_count * 4, 0};
}
Cost grad_norm_cost(dim_t total_count) {
  return {total_count * 4, 0, total_count * 2};
}

const OptimStepKernels kCpuOptimStep = {sgd, adam, ema, keep_best, grad_norm, grad_norm_workspace_bytes};

}  // namespace engram::kernels
