#pragma once
/// The helper networks of factor transfer (Kim et al. 2018; docs/methods/distillation.md, "FT").

#include <memory>

#include "models/layers.h"

namespace engram {

/// Three convolutions of 3x3 with bias (in to in, in to out, out to out), each with a leaky ReLU of slope 0.1, and
/// with `batch_norm` (RepDistiller) a normalisation between. Names as in the released codes: conv0, conv1, conv2, or
/// encoder.0, encoder.1, ... with normalisation.
class Translator : public Module {
 public:
  Translator(dim_t in, dim_t out, Device device, bool batch_norm = false);
  Tensor forward(const Tensor& x) const;

 private:
  std::unique_ptr<Conv2d> convs_[3];
  std::unique_ptr<BatchNorm2d> norms_[3];
};

/// The same to factors, and three transposed convolutions back: conv0, ..., deconv0, ...
class Paraphraser : public Module {
 public:
  Paraphraser(dim_t channels, dim_t width, Device device);
  Tensor encode(const Tensor& x) const;
  Tensor reconstruct(const Tensor& x) const;

 private:
  std::unique_ptr<Conv2d> convs_[3];
  std::unique_ptr<ConvTranspose2d> deconvs_[3];
};

}  // namespace engram
