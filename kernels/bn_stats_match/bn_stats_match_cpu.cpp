#include <cmath>

#include "kernels/batch_norm/channel_passes.h"
#include "kernels/bn_stats_match/bn_stats_match.h"

namespace engram::kernels {
namespace {

float scale_of(const float* gamma, const float* running_var, float eps, dim_t c) {
  return float((gamma ? gamma[c] : 1.f) / std::sqrt(double(running_var[c]) + eps));
}

/// ||a - b||_2 in double; the channels are summed in order.
float distance(const float* a, const float* b, dim_t count) {
  double squares = 0;
  for (dim_t c = 0; c < count; ++c) squares += (double(a[c]) - b[c]) * (double(a[c]) - b[c]);
  return float(std::sqrt(squares));
}

void forward(Stream, const BnStatsMatchArgs& args) {
  const dim_t channels = args.shape.c;
  float* scale = static_cast<float*>(args.workspace);
  float *shift = scale + channels, *partials = scale + 2 * channels;
  const ChannelMoments moments = {args.batch_mean, args.batch_var};
  if (args.y == nullptr) {
    moments_pass(args.shape, args.x, moments, partials);
  } else {
    for (dim_t c = 0; c < channels; ++c) {
      scale[c] = scale_of(args.gamma, args.running_var, args.eps, c);
      shift[c] = args.beta ? args.beta[c] : 0.f;
    }
    affine_moments_pass({args.shape, args.x, args.residual, args.running_mean, scale, shift, args.activation,
                         args.slope, args.y, args.mask},
                        moments, partials);
  }
  *args.var_norm = distance(args.running_var, args.batch_var, channels);
  *args.mean_norm = distance(args.running_mean, args.batch_mean, channels);
}

/// gradient / (norm count), 0 where there is no gradient or no norm.
double norm_factor(const float* gradient, const float* norm, dim_t count) {
  return gradient == nullptr || *norm == 0.f ? 0.0 : double(*gradient) / (double(*norm) * double(count));
}

void backward(Stream, const BnStatsMatchBackwardArgs& args) {
  const dim_t channels = args.shape.c;
  float* scale = static_cast<float*>(args.workspace);
  float *slope_x = scale + channels, *shift = scale + 2 * channels;
  const double var_factor = norm_factor(args.grad_var_norm, args.var_norm, args.shape.per_channel());
  const double mean_factor = norm_factor(args.grad_mean_norm, args.mean_norm, args.shape.per_channel());
  for (dim_t c = 0; c < channels; ++c) {
    scale[c] = scale_of(args.gamma, args.running_var, args.eps, c);
    slope_x[c] = float(2 * var_factor * (double(args.batch_var[c]) - args.running_var[c]));
    shift[c] = float(mean_factor * (double(args.batch_mean[c]) - args.running_mean[c]));
  }
  const bool statistics = args.grad_var_norm != nullptr || args.grad_mean_norm != nullptr;
  gradient_pass({args.shape,
                 {args.grad_y, args.grad_y2, args.mask, args.activation, args.slope},
                 statistics ? args.x : nullptr,
                 scale,
                 args.batch_mean,
                 slope_x,
                 shift,
                 args.grad_x,
                 args.grad_residual});
}

void finish(Stream, const BnStatsMatchFinishArgs&) {}

std::size_t workspace_bytes(const ActivationShape& shape) {
  return std::size_t(channel_partials_count(shape) + 3 * shape.c) * sizeof(float);
}

std::int64_t activation_bytes(const ActivationShape& shape) {
  return shape.count() * 4;
}
std::int64_t mask_bytes(const ActivationShape& shape, bool mask) {
  return mask ? activation_mask_words(shape.count()) * 2 : 0;
}

}  // namespace

Cost bn_stats_match_cost(const ActivationShape& shape, bool output, bool residual, bool mask) {
  const std::int64_t size = activation_bytes(shape);
  return {size * (1 + residual), output * size + mask_bytes(shape, mask), shape.count() * (output ? 7 + residual : 4)};
}

Cost bn_stats_match_backward_cost(const ActivationShape& shape, bool statistics, int gradients, bool residual,
                                  bool mask) {
  const std::int64_t size = activation_bytes(shape);
  return {size * (statistics + gradients) + mask_bytes(shape, mask), size * (1 + residual),
          shape.count() * (3 * statistics + 2 * gradients)};
}

const BnStatsMatchKernels kCpuBnStatsMatch = {forward, backward, finish, workspace_bytes};

}  // namespace engram::kernels
