#include <cmath>

#include "kernels/batch_norm/batch_norm.h"

namespace engram::kernels::reference {
namespace {

dim_t channel_of(const ActivationShape& s, dim_t i) {
  return (i / (s.block * s.pixels())) % s.blocks() * s.block + i % s.block;
}

double or_default(const double* values, dim_t c, double otherwise) {
  return values ? values[c] : otherwise;
}

double slope_of(Activation activation, double slope) {
  return activation == Activation::kLeakyRelu ? slope : 0.0;
}

double activation_gradient(const BatchNormBackward& a, dim_t i) {
  const bool passes = a.activation == Activation::kNone || !(a.pre[i] <= 0);
  return passes ? a.grad_y[i] : slope_of(a.activation, a.slope) * a.grad_y[i];
}

void parameter_gradients(const BatchNormBackward& a) {
  for (dim_t c = 0; c < a.shape.c; ++c) a.grad_gamma[c] = a.grad_beta[c] = 0;
  for (dim_t i = 0; i < a.shape.count(); ++i) {
    const dim_t c = channel_of(a.shape, i);
    const double d = activation_gradient(a, i);
    a.grad_residual[i] = d;
    a.grad_beta[c] += d;
    a.grad_gamma[c] += d * (a.x[i] - a.mean[c]) / std::sqrt(a.var[c] + a.eps);
  }
}

}  // namespace

void batch_norm_eval(const BatchNormForward& a) {
  for (dim_t i = 0; i < a.shape.count(); ++i) {
    const dim_t c = channel_of(a.shape, i);
    const double normalised = (a.x[i] - a.mean[c]) / std::sqrt(a.var[c] + a.eps);
    const double v =
        or_default(a.gamma, c, 1) * normalised + or_default(a.beta, c, 0) + (a.residual ? a.residual[i] : 0);
    if (a.pre) a.pre[i] = v;
    a.y[i] = a.activation == Activation::kNone || !(v <= 0) ? v : slope_of(a.activation, a.slope) * v;
  }
}

void batch_norm_train(const BatchNormForward& a) {
  for (dim_t c = 0; c < a.shape.c; ++c) a.mean[c] = a.var[c] = 0;
  for (dim_t i = 0; i < a.shape.count(); ++i) a.mean[channel_of(a.shape, i)] += a.x[i] / double(a.shape.per_channel());
  for (dim_t i = 0; i < a.shape.count(); ++i) {
    const dim_t c = channel_of(a.shape, i);
    a.var[c] += (a.x[i] - a.mean[c]) * (a.x[i] - a.mean[c]) / double(a.shape.per_channel());
  }
  batch_norm_eval(a);
}

void batch_norm_eval_backward(const BatchNormBackward& a) {
  parameter_gradients(a);
  for (dim_t i = 0; i < a.shape.count(); ++i) {
    const dim_t c = channel_of(a.shape, i);
    a.grad_x[i] = a.grad_residual[i] * or_default(a.gamma, c, 1) / std::sqrt(a.var[c] + a.eps);
  }
}

void batch_norm_train_backward(const BatchNormBackward& a) {
  parameter_gradients(a);
  const double m = double(a.shape.per_channel());
  for (dim_t i = 0; i < a.shape.count(); ++i) {
    const dim_t c = channel_of(a.shape, i);
    const double invstd = 1 / std::sqrt(a.var[c] + a.eps);
    const double normalised = (a.x[i] - a.mean[c]) * invstd;
    a.grad_x[i] = or_default(a.gamma, c, 1) * invstd *
                  (a.grad_residual[i] - a.grad_beta[c] / m - normalised * a.grad_gamma[c] / m);
  }
}

}  // namespace engram::kernels::reference
