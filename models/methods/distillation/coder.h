#pragma once
/// The helper networks of IE-KD: what turns features into factors (docs/methods/distillation.md, "IE-KD").

#include <memory>

#include "models/layers.h"

namespace engram {

/// Three convolutions of 3x3 without bias (in to in, in to out, out to out), each with batch normalisation and a leaky
/// ReLU of slope 0.1, after a leaky ReLU of the input; without `batch_norm` convolutions and leaky ReLUs alone. Names
/// as in the released code: layers.1, layers.2, ... Extents stay.
class Coder : public Module {
 public:
  Coder(dim_t in, dim_t out, Device device, bool batch_norm = true);
  Tensor forward(const Tensor& x) const;

 private:
  bool batch_norm_;
  std::unique_ptr<Conv2d> convs_[3];
  std::unique_ptr<BatchNorm2d> norms_[3];
};

/// A coder to factors of `width` channels and one back: encoder.layers..., decoder.layers...
class AutoEncoder : public Module {
 public:
  AutoEncoder(dim_t channels, dim_t width, Device device, bool batch_norm = true);
  Tensor encode(const Tensor& x) const { return encoder_.forward(x); }
  Tensor reconstruct(const Tensor& x) const { return decoder_.forward(encoder_.forward(x)); }

 private:
  Coder encoder_, decoder_;
};

}  // namespace engram
