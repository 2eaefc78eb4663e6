#include <cmath>
#include <initializer_list>

#include "kernels/batch_norm/batch_norm.h"
#include "kernels/batch_norm/channel_passes.h"

namespace engram::kernels {
namespace {

/// Five per-channel vectors and the partial sums, in the caller's workspace.
struct Workspace {
  Workspace(const ActivationShape& shape, void* memory) {
    float* next = static_cast<float*>(memory);
    for (float** vector : {&a, &b, &c, &d, &e}) {
      *vector = next;
      next += shape.c;
    }
    partials = next;
  }
  float *a, *b, *c, *d, *e;
  float* partials;
};

float value_or(const float* values, dim_t c, float otherwise) {
  return values ? values[c] : otherwise;
}

void train(Stream, const BatchNormTrainArgs& args) {
  if (args.shape.count() == 0) return;
  const Workspace work(args.shape, args.workspace);
  float *var = work.a, *scale = work.b, *shift = work.c;
  moments_pass(args.shape, args.x, {args.mean, var}, work.partials);
  const double count = double(args.shape.per_channel()), momentum = args.momentum;
  for (dim_t c = 0; c < args.shape.c; ++c) {
    args.invstd[c] = float(1 / std::sqrt(double(var[c]) + args.eps));
    scale[c] = value_or(args.gamma, c, 1) * args.invstd[c];
    shift[c] = value_or(args.beta, c, 0);
    if (args.running_mean) {
      args.running_mean[c] = float((1 - momentum) * args.running_mean[c] + momentum * args.mean[c]);
    }
    if (args.running_var && count > 1) {
      args.running_var[c] = float((1 - momentum) * args.running_var[c] + momentum * var[c] * (count / (count - 1)));
    }
  }
  affine_pass(
      {args.shape, args.x, args.residual, args.mean, scale, shift, args.activation, args.slope, args.y, args.mask});
}

void train_backward(Stream, const BatchNormTrainBackwardArgs& args) {
  if (args.shape.count() == 0) return;
  const Workspace work(args.shape, args.workspace);
  float *sum_d = work.a, *sum_dx = work.b, *scale = work.c, *slope_x = work.d, *shift = work.e;
  const MaskedGradient gradient = {args.grad_y, args.grad_y2, args.mask, args.activation, args.slope};
  if (args.grad_x || args.grad_gamma || args.grad_beta) {
    gradient_sums_pass(args.shape, gradient, args.x, args.mean, sum_d, sum_dx, work.partials);
  }
  const double count = double(args.shape.per_channel());
  for (dim_t c = 0; c < args.shape.c; ++c) {
    const double invstd = args.invstd[c], factor = value_or(args.gamma, c, 1) * invstd;
    if (args.grad_gamma) args.grad_gamma[c] = float(sum_dx[c] * invstd);
    if (args.grad_beta) args.grad_beta[c] = sum_d[c];
    if (!args.grad_x) continue;
    scale[c] = float(factor);
    slope_x[c] = float(-factor * invstd * invstd * sum_dx[c] / count);
    shift[c] = float(-factor * sum_d[c] / count);
  }
  gradient_pass({args.shape, gradient, args.x, scale, args.mean, slope_x, shift, args.grad_x, args.grad_residual});
}

void eval(Stream, const BatchNormEvalArgs& args) {
  if (args.shape.count() == 0) return;
  const Workspace work(args.shape, args.workspace);
  float *scale = work.a, *shift = work.b;
  for (dim_t c = 0; c < args.shape.c; ++c) {
    scale[c] = float(value_or(args.gamma, c, 1) / std::sqrt(double(args.var[c]) + args.eps));
    shift[c] = value_or(args.beta, c, 0);
  }
  affine_pass(
      {args.shape, args.x, args.residual, args.mean, scale, shift, args.activation, args.slope, args.y, args.mask});
}

void eval_backward(Stream, const BatchNormEvalBackwardArgs& args) {
  if (args.shape.count() == 0) return;
  const Workspace work(args.shape, args.workspace);
  float *sum_d = work.a, *sum_dx = work.b, *scale = work.c;
  const MaskedGradient gradient = {args.grad_y, args.grad_y2, args.mask, args.activation, args.slope};
  if (args.grad_gamma || args.grad_beta) {
    gradient_sums_pass(args.shape, gradient, args.grad_gamma ? args.x : nullptr, args.mean, sum_d, sum_dx,
                       work.partials);
  }
  for (dim_t c = 0; c < args.shape.c; ++c) {
    const double invstd = 1 / std::sqrt(double(args.var[c]) + args.eps);
    if (args.grad_gamma) args.grad_gamma[c] = float(sum_dx[c] * invstd);
    if (args.grad_beta) args.grad_beta[c] = sum_d[c];
    scale[c] = float(value_or(args.gamma, c, 1) * invstd);
  }
  gradient_pass({args.shape, gradient, nullptr, scale, nullptr, nullptr, nullptr, args.grad_x, args.grad_residual});
}

std::size_t workspace_bytes(const ActivationShape& shape) {
  return std::size_t(channel_partials_count(shape) + 5 * shape.c) * sizeof(float);
}

std::int64_t activation_bytes(const ActivationShape& shape) {
  return shape.count() * 4;
}
std::int64_t mask_bytes(const ActivationShape& shape, bool mask) {
  return mask ? activation_mask_words(shape.count()) * 2 : 0;
}

}  // namespace

Cost batch_norm_train_cost(const ActivationShape& shape, bool residual, bool mask) {
  const std::int64_t size = activation_bytes(shape);
  return {size * (2 + residual), size + mask_bytes(shape, mask), shape.count() * (8 + residual)};
}

Cost batch_norm_train_backward_cost(const ActivationShape& shape, int gradients, bool residual, bool mask) {
  const std::int64_t size = activation_bytes(shape);
  return {2 * (size * (1 + gradients) + mask_bytes(shape, mask)), size * (1 + residual),
          shape.count() * (7 + 2 * gradients)};
}

Cost batch_norm_eval_cost(const ActivationShape& shape, bool residual, bool mask) {
  const std::int64_t size = activation_bytes(shape);
  return {size * (1 + residual), size + mask_bytes(shape, mask), shape.count() * (4 + residual)};
}

Cost batch_norm_eval_backward_cost(const ActivationShape& shape, int gradients, bool residual, bool mask,
                                   bool parameters) {
  const std::int64_t size = activation_bytes(shape);
  const std::int64_t incoming = size * gradients + mask_bytes(shape, mask);
  return {incoming + (parameters ? incoming + size : 0), size * (1 + residual),
          shape.count() * (1 + gradients + (parameters ? 3 + gradients : 0))};
}

const BatchNormKernels kCpuBatchNorm = {train, train_backward, eval, eval_backward, workspace_bytes};

}  // namespace engram::kernels
