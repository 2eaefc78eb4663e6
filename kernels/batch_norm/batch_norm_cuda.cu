#include "kernels/batch_norm/batch_norm.h"
#include "kernels/batch_norm/channel_gradient.cuh"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

/// What a training step keeps of its statistics.
struct TrainStatistics {
  float momentum, eps;
  float *mean, *invstd;
  float *running_mean, *running_var;  ///< or null
};

/// Second stage of the moments: kMergeChannels a block.
__global__ void __launch_bounds__(kMergeThreads) finish_moments_kernel(MomentPartials partials, TrainStatistics out) {
  EMU_SHARED(Moments, scratch, [kMergeThreads]);
  const int c = int(blockIdx.x) * kMergeChannels + int(threadIdx.x) % kMergeChannels;
  const ChannelMoments moments = merge_chunks(partials, c, scratch);
  if (threadIdx.x >= kMergeChannels || c >= partials.channels) return;
  const double count = double(partials.rows), momentum = double(out.momentum);
  out.mean[c] = moments.mean;
  out.invstd[c] = float(1 / sqrt(double(moments.var) + double(out.eps)));
  if (out.running_mean) out.running_mean[c] = float((1 - momentum) * out.running_mean[c] + momentum * moments.mean);
  if (out.running_var && count > 1)
    out.running_var[c] = float((1 - momentum) * out.running_var[c] + momentum * moments.var * (count / (count - 1)));
}

/// The caller's workspace: sums of the two gradients, then partial results.
struct Workspace {
  float *sum_d, *sum_dx, *partials;
};

/// Partial results lie at a multiple of 16 bytes.
Workspace workspace(const ActivationShape& shape, void* memory) {
  float* first = static_cast<float*>(memory);
  return {first, first + shape.c, first + ceil_div(2 * shape.c, 4) * 4};
}

std::size_t workspace_bytes(const ActivationShape& shape) {
  if (shape.count() == 0) return 0;
  return std::size_t(ceil_div(2 * shape.c, 4) * 4 + channel_partials_floats(shape)) * sizeof(float);
}

void train(Stream stream, const BatchNormTrainArgs& args) {
  if (args.shape.count() == 0) return;
  const Workspace work = workspace(args.shape, args.workspace);
  AffineMap map = {.shape = args.shape,
                   .x = args.x,
                   .residual = args.residual,
                   .center = args.mean,
                   .scale = {args.invstd, nullptr, args.eps, args.gamma},
                   .shift = args.beta,
                   .activation = args.activation,
                   .slope = negative_slope(args.activation, args.slope),
                   .y = nullptr,
                   .mask = args.mask};
  const MomentPartials partials = launch_affine_moments(stream, map, work.partials);
  ENGRAM_LAUNCH(
      finish_moments_kernel, grid_of(ceil_div(args.shape.c, kMergeChannels)), kMergeThreads, 0, stream, partials,
      (TrainStatistics{args.momentum, args.eps, args.mean, args.invstd, args.running_mean, args.running_var}));
  map.y = args.y;
  launch_affine(stream, map);
}

void train_backward(Stream stream, const BatchNormTrainBackwardArgs& args) {
  if (args.shape.count() == 0) return;
  const Workspace work = workspace(args.shape, args.workspace);
  const MaskedGradient gradient = {args.grad_y, args.grad_y2, args.mask, args.activation,
                                   negative_slope(args.activation, args.slope)};
  const ChannelScale scale = {args.invstd, nullptr, 0.f, args.gamma};
  if (args.grad_x || args.grad_gamma || args.grad_beta)
    launch_gradient_sums(stream, args.shape, gradient, args.x, args.mean, scale,
                         {work.sum_d, work.sum_dx, args.grad_gamma, args.grad_beta}, work.partials);
  launch_gradient(stream, {.shape = args.shape,
                           .gradient = gradient,
                           .x = args.x,
                           .source = {.kind = GradientSource::Kind::kBatch,
                                      .scale = scale,
                                      .center = args.mean,
                                      .count = float(args.shape.per_channel()),
                                      .sum_d = work.sum_d,
                                      .sum_dx = work.sum_dx},
                           .grad_x = args.grad_x,
                           .grad_residual = args.grad_residual});
}

void eval(Stream stream, const BatchNormEvalArgs& args) {
  if (args.shape.count() == 0) return;
  launch_affine(stream, {.shape = args.shape,
                         .x = args.x,
                         .residual = args.residual,
                         .center = args.mean,
                         .scale = {nullptr, args.var, args.eps, args.gamma},
                         .shift = args.beta,
                         .activation = args.activation,
                         .slope = negative_slope(args.activation, args.slope),
                         .y = args.y,
                         .mask = args.mask});
}

void eval_backward(Stream stream, const BatchNormEvalBackwardArgs& args) {
  if (args.shape.count() == 0) return;
  const Workspace work = workspace(args.shape, args.workspace);
  const MaskedGradient gradient = {args.grad_y, args.grad_y2, args.mask, args.activation,
                                   negative_slope(args.activation, args.slope)};
  const ChannelScale scale = {nullptr, args.var, args.eps, args.gamma};
  if (args.grad_gamma || args.grad_beta)
    launch_gradient_sums(stream, args.shape, gradient, args.grad_gamma ? args.x : nullptr, args.mean, scale,
                         {work.sum_d, work.sum_dx, args.grad_gamma, args.grad_beta}, work.partials);
  launch_gradient(stream, {.shape = args.shape,
                           .gradient = gradient,
                           .x = nullptr,
                           .source = {.kind = GradientSource::Kind::kFrozen, .scale = scale},
                           .grad_x = args.grad_x,
                           .grad_residual = args.grad_residual});
}

}  // namespace

const BatchNormKernels kCudaBatchNorm = {train, train_backward, eval, eval_backward, workspace_bytes};

}  // namespace engram::kernels
