#include "models/methods/distillation/paraphraser.h"

namespace engram {
namespace {

constexpr float kParaphraserSlope = 0.1f;

std::unique_ptr<Conv2d> conv3x3(dim_t in, dim_t out, Device device) {
  return std::make_unique<Conv2d>(Conv2dConfig{.in_channels = in, .out_channels = out, .bias = true}, device);
}

}  // namespace

Translator::Translator(dim_t in, dim_t out, Device device, bool batch_norm) {
  const dim_t widths[4] = {in, in, out, out};
  for (int i = 0; i < 3; ++i) {
    convs_[i] = conv3x3(widths[i], widths[i + 1], device);
    register_child(batch_norm ? message("encoder.", 3 * i) : message("conv", i), *convs_[i]);
    if (!batch_norm) continue;
    norms_[i] = std::make_unique<BatchNorm2d>(widths[i + 1], device);
    register_child(message("encoder.", 3 * i + 1), *norms_[i]);
  }
}

Tensor Translator::forward(const Tensor& x) const {
  Tensor h = x;
  for (int i = 0; i < 3; ++i) {
    h = convs_[i]->forward(h);
    h = norms_[i] ? norms_[i]->forward(h, Activation::kLeakyRelu, {}, kParaphraserSlope)
                  : leaky_relu(h, kParaphraserSlope);
  }
  return h;
}

Paraphraser::Paraphraser(dim_t channels, dim_t width, Device device) {
  const dim_t widths[4] = {channels, channels, width, width};
  for (int i = 0; i < 3; ++i) {
    convs_[i] = conv3x3(widths[i], widths[i + 1], device);
    register_child(message("conv", i), *convs_[i]);
  }
  for (int i = 0; i < 3; ++i) {
    const ConvTranspose2dConfig config{.in_channels = widths[3 - i],
                                       .out_channels = widths[2 - i],
                                       .kernel = 3,
                                       .stride = 1,
                                       .padding = 1,
                                       .bias = true};
    deconvs_[i] = std::make_unique<ConvTranspose2d>(config, device);
    register_child(message("deconv", i), *deconvs_[i]);
  }
}

Tensor Paraphraser::encode(const Tensor& x) const {
  Tensor h = x;
  for (const auto& conv : convs_) h = leaky_relu(conv->forward(h), kParaphraserSlope);
  return h;
}

Tensor Paraphraser::reconstruct(const Tensor& x) const {
  Tensor h = encode(x);
  for (const auto& deconv : deconvs_) h = leaky_relu(deconv->forward(h), kParaphraserSlope);
  return h;
}

}  // namespace engram
