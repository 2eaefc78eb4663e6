#include <algorithm>

#include "kernels/batch_norm/channel_gradient.cuh"
#include "kernels/bn_stats_match/bn_stats_match.h"
#include "kernels/common/cuda/block_reduce.cuh"

namespace engram::kernels {
namespace {

using namespace cuda;  // NOLINT(google-build-using-namespace): the helpers of all CUDA kernels

/// One layer's partial moments, and where its statistics go.
struct Layer {
  MomentPartials partials;
  const float *running_mean, *running_var;
  float *batch_mean, *batch_var;
  float *var_norm, *mean_norm;
};

/// Layers of one launch, in its parameters.
template <int kCapacity>
struct Layers {
  Layer layer[kCapacity];
};

/// Second stage: one block a layer merges the chunks of all its channels and computes the two norms.
template <int kCapacity>
__global__ void __launch_bounds__(kMergeThreads) finish_kernel(const __grid_constant__ Layers<kCapacity> layers) {
  EMU_SHARED(Moments, scratch, [kMergeThreads]);
  const Layer& layer = layers.layer[blockIdx.x];
  const int channels = layer.partials.channels;
  float var_squares = 0, mean_squares = 0;  // of channels / kWarp values, then as a tree
  for (int first = 0; first < channels; first += kWarp) {
    const int c = first + int(threadIdx.x) % kWarp;
    const ChannelMoments moments = merge_chunks(layer.partials, c, scratch);
    if (threadIdx.x < kWarp && c < channels) {
      layer.batch_mean[c] = moments.mean;
      layer.batch_var[c] = moments.var;
      const float var_gap = layer.running_var[c] - moments.var;
      const float mean_gap = layer.running_mean[c] - moments.mean;
      var_squares += var_gap * var_gap;
      mean_squares += mean_gap * mean_gap;
    }
    __syncthreads();
  }
  if (threadIdx.x >= kWarp) return;
  var_squares = warp_sum(var_squares);
  mean_squares = warp_sum(mean_squares);
  if (threadIdx.x > 0) return;
  *layer.var_norm = sqrtf(var_squares);
  *layer.mean_norm = sqrtf(mean_squares);
}

AffineMap forward_map(const BnStatsMatchArgs& args) {
  return {.shape = args.shape,
          .x = args.x,
          .residual = args.residual,
          .center = args.running_mean,
          .scale = {nullptr, args.running_var, args.eps, args.gamma},
          .shift = args.beta,
          .activation = args.activation,
          .slope = negative_slope(args.activation, args.slope),
          .y = args.y,
          .mask = args.mask};
}

Layer layer_of(const BnStatsMatchArgs& args) {
  return {.partials = affine_moments(forward_map(args), static_cast<float*>(args.workspace)),
          .running_mean = args.running_mean,
          .running_var = args.running_var,
          .batch_mean = args.batch_mean,
          .batch_var = args.batch_var,
          .var_norm = args.var_norm,
          .mean_norm = args.mean_norm};
}

template <int kCapacity>
void launch_finish(Stream stream, const BnStatsMatchArgs* layers, int count) {
  Layers<kCapacity> table = {};
  for (int i = 0; i < count; ++i) table.layer[i] = layer_of(layers[i]);
  ENGRAM_LAUNCH(finish_kernel<kCapacity>, dim3(unsigned(count)), kMergeThreads, 0, stream, table);
}

void finish(Stream stream, const BnStatsMatchFinishArgs& args) {
  constexpr int kCapacity = 128;  // more than any network here has; 11 KB of launch parameters
  for (int first = 0; first < args.num_layers; first += kCapacity) {
    const int count = std::min(kCapacity, args.num_layers - first);
    if (count == 1) {
      launch_finish<1>(stream, args.layers + first, count);
    } else {
      launch_finish<kCapacity>(stream, args.layers + first, count);
    }
  }
}

void forward(Stream stream, const BnStatsMatchArgs& args) {
  launch_affine_moments(stream, forward_map(args), static_cast<float*>(args.workspace));
  if (!args.defer_statistics) finish(stream, {&args, 1});
}

void backward(Stream stream, const BnStatsMatchBackwardArgs& args) {
  const bool statistics = args.grad_var_norm != nullptr || args.grad_mean_norm != nullptr;
  launch_gradient(stream, {.shape = args.shape,
                           .gradient = {args.grad_y, args.grad_y2, args.mask, args.activation,
                                        negative_slope(args.activation, args.slope)},
                           .x = statistics ? args.x : nullptr,
                           .source = {.kind = statistics ? GradientSource::Kind::kMatch : GradientSource::Kind::kFrozen,
                                      .scale = {nullptr, args.running_var, args.eps, args.gamma},
                                      .center = args.batch_mean,
                                      .count = float(args.shape.per_channel()),
                                      .batch_var = args.batch_var,
                                      .running_var = args.running_var,
                                      .running_mean = args.running_mean,
                                      .var_norm = args.var_norm,
                                      .mean_norm = args.mean_norm,
                                      .grad_var_norm = args.grad_var_norm,
                                      .grad_mean_norm = args.grad_mean_norm},
                           .grad_x = args.grad_x,
                           .grad_residual = args.grad_residual});
}

std::size_t workspace_bytes(const ActivationShape& shape) {
  return std::size_t(channel_partials_floats(shape)) * sizeof(float);
}

}  // namespace

const BnStatsMatchKernels kCudaBnStatsMatch = {forward, backward, finish, workspace_bytes};

}  // namespace engram::kernels
