#pragma once
/// Convolution with spectral normalisation (Miyato et al. 2018), as torch.nn.utils.spectral_norm has it.

#include "models/layers.h"

namespace engram {

/// conv2d with the weight divided by an estimate of its largest singular value, sigma = u^T W v, W the weight as a
/// matrix [out, in k k]. In training mode each pass first improves u and v by one power iteration; they are constants
/// of the graph. Parameters: bias [out], weight_orig [out,in,k,k]; buffers: weight_u [out], weight_v [in k k], of unit
/// length after the first pass in training mode.
class SpectralConv2d : public Module {
 public:
  /// A convolution without groups, with bias. Both are first filled by the rules given.
  SpectralConv2d(const Conv2dConfig& config, Init weight, Init bias, Device device);

  Tensor forward(const Tensor& x);

  Tensor bias;
  Tensor weight_orig;

 private:
  Conv2dConfig config_;
  Tensor u_, v_;
};

}  // namespace engram
