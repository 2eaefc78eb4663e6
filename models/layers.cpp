#include "models/layers.h"

namespace engram {

Conv2d::Conv2d(const Conv2dConfig& config, Device device)
    : Conv2d(config, Init::torch_default(fan_in(config)), Init::torch_default(fan_in(config)), device) {}

Conv2d::Conv2d(const Conv2dConfig& config, Init weight_init, Init bias_init, Device device) : config_(config) {
  weight = register_parameter("weight", {config.out_channels, config.in_channels, config.kernel, config.kernel},
                              weight_init, device);
  if (config.bias) bias = register_parameter("bias", {config.out_channels}, bias_init, device);
}

Tensor Conv2d::forward(const Tensor& x) const {
  return conv2d(x, weight, bias, {.stride = config_.stride, .padding = config_.padding});
}

Linear::Linear(dim_t in, dim_t out, Device device)
    : Linear(in, out, Init::torch_default(in), Init::torch_default(in), device) {}

Linear::Linear(dim_t in, dim_t out, Init weight_init, Init bias_init, Device device) {
  weight = register_parameter("weight", {out, in}, weight_init, device);
  bias = register_parameter("bias", {out}, bias_init, device);
}

Tensor Linear::forward(const Tensor& x) const {
  return linear(x, weight, bias);
}

BatchNorm2d::BatchNorm2d(dim_t channels, Device device, Init weight_init) {
  weight = register_parameter("weight", {channels}, weight_init, device);
  bias = register_parameter("bias", {channels}, Init::constant(0), device);
  running_mean = register_buffer("running_mean", {channels}, Init::constant(0), device);
  running_var = register_buffer("running_var", {channels}, Init::constant(1), device);
}

Tensor BatchNorm2d::forward(const Tensor& x, Activation activation, const Tensor& residual, float slope) const {
  return batch_norm(
      x, weight, bias, running_mean, running_var,
      {.training = is_training(), .momentum = kMomentum, .eps = kEps, .activation = activation, .slope = slope},
      residual);
}

}  // namespace engram
