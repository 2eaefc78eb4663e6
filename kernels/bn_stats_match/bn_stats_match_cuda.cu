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

/// Second stage: the statistics of kMergeChannels a block, layers side by side in the grid's y.
template <int kCapacity>
__global__ void __launch_bounds__(kMergeThreads) merge_kernel(EMU_GRID_CONSTANT(Layers<kCapacity>) layers) {
  EMU_SHARED(Moments, scratch, [kMergeThreads]);
  const Layer& layer = layers.layer[blockIdx.y];
  if (int(blockIdx.x) * kMergeChannels >= layer.partials.channels) return;  // the whole block
  const int c = int(blockIdx.x) * kMergeChannels + int(threadIdx.x) % kMergeChannels;
  const ChannelMoments moments = merge_chunks(layer.partials, c, scratch);
  if (threadIdx.x >= kMergeChannels || c >= layer.partials.channels) return;
  layer.batch_mean[c] = moments.mean;
  layer.batch_var[c] = moments.var;
}

constexpr int kNormThreads = 256;

/// Third stage: the two norms of a layer, one block each.
template <int kCapacity>
__global__ void __launch_bounds__(kNormThreads) norms_kernel(EMU_GRID_CONSTANT(Layers<kCapacity>) layers) {
  EMU_SHARED(float, scratch, [2][kNormThreads / kWarp]);
  const Layer& layer = layers.layer[blockIdx.x];
  float squares[2] = {0, 0};  // of variances, of means
  for (int c = int(threadIdx.x); c < layer.partials.channels; c += kNormThreads) {
    const float var_gap = layer.running_var[c] - layer.batch_var[c];
    const float mean_gap = layer.running_mean[c] - layer.batch_mean[c];
    squares[0] += var_gap * var_gap;
    squares[1] += mean_gap * mean_gap;
  }
  block_sums<kNormThreads>(squares, scratch);
  if (threadIdx.x > 0) return;
  *layer.var_norm = sqrtf(squares[0]);
  *layer.mean_norm = sqrtf(squares[1]);
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
  int channels = 0;
  for (int i = 0; i < count; ++i) {
    table.layer[i] = layer_of(layers[i]);
    channels = std::max(channels, table.layer[i].partials.channels);
  }
  const dim3 groups(unsigned(ceil_div(channels, kMergeChannels)), unsigned(count));
  ENGRAM_LAUNCH(merge_kernel<kCapacity>, groups, kMergeThreads, 0, stream, table);
  ENGRAM_LAUNCH(norms_kernel<kCapacity>, dim3(unsigned(count)), kNormThreads, 0, stream, table);
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
