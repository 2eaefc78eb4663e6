#pragma once
/// Layers with parameters. All take and give f32 tensors; activations are [N,C,H,W] in any layout.

#include "engine/ops.h"
#include "models/module.h"

namespace engram {

/// How a convolution is made.
struct Conv2dConfig {
  dim_t in_channels = 0;
  dim_t out_channels = 0;
  dim_t kernel = 3;
  dim_t stride = 1;
  dim_t padding = 1;
  bool bias = false;
};

/// Convolution with a square kernel. Parameters: weight [out,in,kernel,kernel] and, with `bias`, bias [out].
class Conv2d : public Module {
 public:
  /// Weight and bias as torch.nn.Conv2d makes them.
  Conv2d(const Conv2dConfig& config, Device device);
  /// With other first values.
  Conv2d(const Conv2dConfig& config, Init weight, Init bias, Device device);

  Tensor forward(const Tensor& x) const;
  const Conv2dConfig& config() const { return config_; }
  static dim_t fan_in(const Conv2dConfig& config) { return config.in_channels * config.kernel * config.kernel; }
  static dim_t fan_out(const Conv2dConfig& config) { return config.out_channels * config.kernel * config.kernel; }

  Tensor weight;
  Tensor bias;  ///< undefined without one

 private:
  Conv2dConfig config_;
};

/// y = x W^T + b for x [N,in]. Parameters: weight [out,in], bias [out].
class Linear : public Module {
 public:
  /// Weight and bias as torch.nn.Linear makes them.
  Linear(dim_t in, dim_t out, Device device);
  Linear(dim_t in, dim_t out, Init weight, Init bias, Device device);

  Tensor forward(const Tensor& x) const;

  Tensor weight;
  Tensor bias;
};

/// Batch normalisation over (N, H, W) with eps 1e-5 and momentum 0.1, fused with what usually follows it. Parameters:
/// weight, bias [C]; buffers: running_mean, running_var [C].
class BatchNorm2d : public Module {
 public:
  static constexpr float kEps = 1e-5f;
  static constexpr float kMomentum = 0.1f;

  explicit BatchNorm2d(dim_t channels, Device device, Init weight = Init::constant(1));

  /// act(bn(x) + residual): by the batch's statistics in training mode (which updates the running ones), else by the
  /// running ones.
  Tensor forward(const Tensor& x, Activation activation = Activation::kNone, const Tensor& residual = {},
                 float slope = 0) const;
  dim_t channels() const { return weight.numel(); }

  Tensor weight;
  Tensor bias;
  Tensor running_mean;
  Tensor running_var;
};

}  // namespace engram
