#include <cmath>

#include "kernels/bn_stats_match/bn_stats_match.h"

namespace engram::kernels::reference {
namespace {

dim_t channel_of(const ActivationShape& s, dim_t i) {
  return (i / (s.block * s.pixels())) % s.blocks() * s.block + i % s.block;
}

double slope_of(const BnStatsMatch& a) {
  return a.activation == Activation::kLeakyRelu ? a.slope : 0.0;
}

double scale_of(const BnStatsMatch& a, dim_t c) {
  return a.gamma[c] / std::sqrt(a.running_var[c] + a.eps);
}

}  // namespace

void bn_stats_match(BnStatsMatch& a) {
  const double m = double(a.shape.per_channel());
  for (dim_t c = 0; c < a.shape.c; ++c) a.batch_mean[c] = a.batch_var[c] = 0;
  for (dim_t i = 0; i < a.shape.count(); ++i) a.batch_mean[channel_of(a.shape, i)] += a.x[i] / m;
  for (dim_t i = 0; i < a.shape.count(); ++i) {
    const dim_t c = channel_of(a.shape, i);
    a.batch_var[c] += (a.x[i] - a.batch_mean[c]) * (a.x[i] - a.batch_mean[c]) / m;
    const double v = (a.x[i] - a.running_mean[c]) * scale_of(a, c) + a.beta[c] + (a.residual ? a.residual[i] : 0);
    if (a.pre) a.pre[i] = v;
    a.y[i] = a.activation == Activation::kNone || !(v <= 0) ? v : slope_of(a) * v;
  }
  double var_squares = 0, mean_squares = 0;
  for (dim_t c = 0; c < a.shape.c; ++c) {
    var_squares += (a.running_var[c] - a.batch_var[c]) * (a.running_var[c] - a.batch_var[c]);
    mean_squares += (a.running_mean[c] - a.batch_mean[c]) * (a.running_mean[c] - a.batch_mean[c]);
  }
  a.var_norm = std::sqrt(var_squares);
  a.mean_norm = std::sqrt(mean_squares);
}

void bn_stats_match_backward(const BnStatsMatch& a, const double* grad_y, double grad_var_norm, double grad_mean_norm,
                             double* grad_x, double* grad_residual) {
  const double m = double(a.shape.per_channel());
  for (dim_t i = 0; i < a.shape.count(); ++i) {
    const dim_t c = channel_of(a.shape, i);
    double g = 0;
    if (grad_y) {
      const bool passes = a.activation == Activation::kNone || !(a.pre[i] <= 0);
      const double d = passes ? grad_y[i] : slope_of(a) * grad_y[i];
      if (grad_residual) grad_residual[i] = d;
      g += scale_of(a, c) * d;
    }
    if (a.var_norm > 0) {
      // d var_b / dx = 2 (x - mean_b) / m: the mean's own dependence on x adds nothing, as the deviations sum to zero.
      g += grad_var_norm * (a.batch_var[c] - a.running_var[c]) / a.var_norm * 2 * (a.x[i] - a.batch_mean[c]) / m;
    }
    if (a.mean_norm > 0) g += grad_mean_norm * (a.batch_mean[c] - a.running_mean[c]) / a.mean_norm / m;
    grad_x[i] = g;
  }
}

}  // namespace engram::kernels::reference
