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
  dim_t groups = 1;  ///< divides both numbers of channels; in_channels for a depthwise convolution
};

/// Convolution with a square kernel. Parameters: weight [out,in/groups,kernel,kernel] and, with `bias`, bias [out].
class Conv2d : public Module {
 public:
  /// Weight and bias as torch.nn.Conv2d makes them. Throws UsageError for groups that do not divide the channels.
  Conv2d(const Conv2dConfig& config, Device device);
  /// With other first values.
  Conv2d(const Conv2dConfig& config, Init weight, Init bias, Device device);

  Tensor forward(const Tensor& x) const;
  const Conv2dConfig& config() const { return config_; }
  Conv2dOptions options() const {
    return {.stride = config_.stride, .padding = config_.padding, .groups = config_.groups};
  }
  static dim_t fan_in(const Conv2dConfig& c) { return c.in_channels / c.groups * c.kernel * c.kernel; }
  static dim_t fan_out(const Conv2dConfig& c) { return c.out_channels * c.kernel * c.kernel; }

  Tensor weight;
  Tensor bias;  ///< undefined without one

 private:
  Conv2dConfig config_;
};

/// How a transposed convolution is made. The result has (H - 1) stride - 2 padding + kernel + output_padding rows.
struct ConvTranspose2dConfig {
  dim_t in_channels = 0;
  dim_t out_channels = 0;
  dim_t kernel = 4;
  dim_t stride = 2;
  dim_t padding = 1;
  dim_t output_padding = 0;  ///< below the stride
  bool bias = false;
};

/// Transposed convolution with a square kernel: the data gradient of the convolution with the same weight. Parameters:
/// weight [in,out,kernel,kernel] (PyTorch's order) and, with `bias`, bias [out].
class ConvTranspose2d : public Module {
 public:
  /// Weight and bias as torch.nn.ConvTranspose2d makes them (its fan-in is out kernel kernel). Throws UsageError for an
  /// output padding that is not below the stride.
  ConvTranspose2d(const ConvTranspose2dConfig& config, Device device);

  Tensor forward(const Tensor& x) const;

  Tensor weight;
  Tensor bias;  ///< undefined without one

 private:
  ConvTranspose2dConfig config_;
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

/// How a batch normalisation is made.
struct BatchNorm2dConfig {
  dim_t channels = 0;
  float eps = 1e-5f;      ///< added to the variance
  float momentum = 0.1f;  ///< weight of the new value in the running statistics
  bool affine = true;     ///< with weight and bias
  Init weight = Init::constant(1);
};

/// Batch normalisation over (N, H, W), fused with what usually follows it. Parameters, if affine: weight, bias [C];
/// buffers: running_mean, running_var [C].
class BatchNorm2d : public Module {
 public:
  BatchNorm2d(const BatchNorm2dConfig& config, Device device);
  explicit BatchNorm2d(dim_t channels, Device device, Init weight = Init::constant(1))
      : BatchNorm2d(BatchNorm2dConfig{.channels = channels, .weight = weight}, device) {}

  /// act(bn(x) + residual): by the batch's statistics in training mode (which updates the running ones), else by the
  /// running ones.
  Tensor forward(const Tensor& x, Activation activation = Activation::kNone, const Tensor& residual = {},
                 float slope = 0) const;
  dim_t channels() const { return config_.channels; }
  const BatchNorm2dConfig& config() const { return config_; }

  Tensor weight;  ///< undefined if not affine, as the bias
  Tensor bias;
  Tensor running_mean;
  Tensor running_var;

 private:
  BatchNorm2dConfig config_;
};

/// Channels dealt out anew, so that each of `groups` groups holds some of every group before: channel g C/groups + i
/// goes to i groups + g (Zhang et al. 2018, ShuffleNet). x [N,C,H,W]; `groups` divides C. Throws UsageError otherwise.
Tensor channel_shuffle(const Tensor& x, dim_t groups);

}  // namespace engram
