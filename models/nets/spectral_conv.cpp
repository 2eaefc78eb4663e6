#include "models/nets/spectral_conv.h"

#include "engine/autograd.h"
#include "models/init.h"

namespace engram {
namespace {

constexpr float kSmallestNorm = 1e-12f;  // torch's eps

Tensor unit(const Tensor& vector) {
  return vector / maximum(norm(vector), Tensor::scalar(kSmallestNorm, vector.device()));
}

}  // namespace

SpectralConv2d::SpectralConv2d(const Conv2dConfig& config, Init weight, Init bias_init, Device device)
    : config_(config) {
  const dim_t out = config.out_channels, taps = Conv2d::fan_in(config);
  bias = register_parameter("bias", {out}, bias_init, device);
  weight_orig =
      register_parameter("weight_orig", {out, config.in_channels, config.kernel, config.kernel}, weight, device);
  u_ = register_buffer("weight_u", {out}, Init::normal(0, 1), device);
  v_ = register_buffer("weight_v", {taps}, Init::normal(0, 1), device);
}

Tensor SpectralConv2d::forward(const Tensor& x) {
  const dim_t out = u_.dim(0), taps = v_.dim(0);
  const Tensor matrix = reshape(weight_orig, {out, taps});
  if (is_training()) {
    const NoGradGuard no_grad;
    copy_into(v_, unit(reshape(matmul(matrix, reshape(u_, {out, 1}), true), {taps})));
    copy_into(u_, unit(reshape(matmul(matrix, reshape(v_, {taps, 1})), {out})));
  }
  // Copies: the pass after this one moves u and v while this one's gradients may still be to come.
  const Tensor u = reshape(u_.clone(), {1, out}), v = reshape(v_.clone(), {taps, 1});
  const Tensor sigma = reshape(matmul(u, matmul(matrix, v)), {});
  return conv2d(x, weight_orig / sigma, bias, {.stride = config_.stride, .padding = config_.padding});
}

}  // namespace engram
