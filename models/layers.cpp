#include "models/layers.h"

namespace engram {
namespace {

void check_groups(const char* what, dim_t groups, dim_t in, dim_t out) {
  if (groups < 1 || in % groups != 0 || out % groups != 0)
    throw UsageError(message("[", what, "] expected groups that divide the channels, got ", groups, " for ", in,
                             " channels to ", out));
}

}  // namespace

Conv2d::Conv2d(const Conv2dConfig& config, Device device)
    : Conv2d(config, Init::torch_default(fan_in(config)), Init::torch_default(fan_in(config)), device) {}

Conv2d::Conv2d(const Conv2dConfig& config, Init weight_init, Init bias_init, Device device) : config_(config) {
  check_groups("conv2d", config.groups, config.in_channels, config.out_channels);
  weight = register_parameter("weight",
                              {config.out_channels, config.in_channels / config.groups, config.kernel, config.kernel},
                              weight_init, device);
  if (config.bias) bias = register_parameter("bias", {config.out_channels}, bias_init, device);
}

Tensor Conv2d::forward(const Tensor& x) const {
  return conv2d(x, weight, bias, options());
}

ConvTranspose2d::ConvTranspose2d(const ConvTranspose2dConfig& config, Device device) : config_(config) {
  if (config.output_padding < 0 || config.output_padding >= config.stride)
    throw UsageError(message("[conv_transpose2d] expected an output padding from 0 to below the stride of ",
                             config.stride, ", got ", config.output_padding));
  const Init init = Init::torch_default(config.out_channels * config.kernel * config.kernel);
  weight = register_parameter("weight", {config.in_channels, config.out_channels, config.kernel, config.kernel}, init,
                              device);
  if (config.bias) bias = register_parameter("bias", {config.out_channels}, init, device);
}

Tensor ConvTranspose2d::forward(const Tensor& x) const {
  if (x.rank() != 4 || x.dim(1) != config_.in_channels)
    throw ShapeError(message("[conv_transpose2d] expected x [N,", config_.in_channels, ",H,W], got ", x.describe()));
  const auto extent = [&](dim_t in) {
    return (in - 1) * config_.stride - 2 * config_.padding + config_.kernel + config_.output_padding;
  };
  const Shape shape = {x.dim(0), config_.out_channels, extent(x.dim(2)), extent(x.dim(3))};
  const Tensor y = conv2d_data_gradient(x, weight, shape, {.stride = config_.stride, .padding = config_.padding});
  return bias.defined() ? y + reshape(bias, {1, config_.out_channels, 1, 1}) : y;
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

BatchNorm2d::BatchNorm2d(const BatchNorm2dConfig& config, Device device) : config_(config) {
  const Shape shape = {config.channels};
  if (config.affine) {
    weight = register_parameter("weight", shape, config.weight, device);
    bias = register_parameter("bias", shape, Init::constant(0), device);
  }
  running_mean = register_buffer("running_mean", shape, Init::constant(0), device);
  running_var = register_buffer("running_var", shape, Init::constant(1), device);
}

Tensor BatchNorm2d::forward(const Tensor& x, Activation activation, const Tensor& residual, float slope) const {
  return batch_norm(x, weight, bias, running_mean, running_var,
                    {.training = is_training(),
                     .momentum = config_.momentum,
                     .eps = config_.eps,
                     .activation = activation,
                     .slope = slope},
                    residual);
}

Tensor channel_shuffle(const Tensor& x, dim_t groups) {
  if (x.rank() != 4) throw ShapeError(message("[channel_shuffle] expected x [N,C,H,W], got ", x.describe()));
  check_groups("channel_shuffle", groups, x.dim(1), x.dim(1));
  if (groups == 1) return x;
  const Shape& s = x.shape();
  const Tensor grouped = reshape(x.contiguous(), {s[0], groups, s[1] / groups, s[2] * s[3]});
  const Tensor y = reshape(permute(grouped, {0, 2, 1, 3}).contiguous(), s);
  return x.layout() == Layout::kBlocked ? y.blocked() : y;
}

}  // namespace engram
