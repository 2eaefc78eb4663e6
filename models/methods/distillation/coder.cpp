#include "models/methods/distillation/coder.h"

namespace engram {
namespace {

constexpr float kCoderSlope = 0.1f;

}  // namespace

Coder::Coder(dim_t in, dim_t out, Device device, bool batch_norm) : batch_norm_(batch_norm) {
  const dim_t widths[4] = {in, in, out, out};
  for (int i = 0; i < 3; ++i) {
    const Conv2dConfig config{.in_channels = widths[i], .out_channels = widths[i + 1]};
    convs_[i] = std::make_unique<Conv2d>(config, Init::he_normal(Conv2d::fan_out(config)), Init{}, device);
    register_child(message("layers.", batch_norm ? 3 * i + 1 : 2 * i), *convs_[i]);
    if (!batch_norm) continue;
    norms_[i] = std::make_unique<BatchNorm2d>(widths[i + 1], device);
    register_child(message("layers.", 3 * i + 2), *norms_[i]);
  }
}

Tensor Coder::forward(const Tensor& x) const {
  Tensor h = batch_norm_ ? leaky_relu(x, kCoderSlope) : x;
  for (int i = 0; i < 3; ++i) {
    h = convs_[i]->forward(h);
    h = batch_norm_ ? norms_[i]->forward(h, Activation::kLeakyRelu, {}, kCoderSlope) : leaky_relu(h, kCoderSlope);
  }
  return h;
}

AutoEncoder::AutoEncoder(dim_t channels, dim_t width, Device device, bool batch_norm)
    : encoder_(channels, width, device, batch_norm), decoder_(width, channels, device, batch_norm) {
  register_child("encoder", encoder_);
  register_child("decoder", decoder_);
}

}  // namespace engram
