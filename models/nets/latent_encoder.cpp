#include "models/nets/latent_encoder.h"

#include "models/nets/conv_config.h"

namespace engram {
namespace {

constexpr dim_t kShrink = 8;
constexpr float kEncoderSlope = 0.2f;
const Init kWeight = Init::uniform(-0.08f, 0.08f);
const Init kBias = Init::constant(0);

dim_t features(const ImageShape& image) {
  if (image.height % kShrink != 0 || image.width % kShrink != 0)
    throw UsageError(message("[encoder] expected images whose rows and columns are multiples of ", kShrink, ", got ",
                             to_string(image)));
  return 128 * (image.height / kShrink) * (image.width / kShrink);
}

/// torch's nearest interpolation by 0.5.
Tensor every_second_pixel(const Tensor& x) {
  const Tensor y = slice(slice(x, 2, 0, x.dim(2), 2), 3, 0, x.dim(3), 2);
  return x.layout() == Layout::kBlocked ? y.blocked() : y.contiguous();
}

}  // namespace

LatentEncoder::LatentEncoder(dim_t latent, const ImageShape& image, Device device)
    : conv0_(biased_conv3x3(image.channels, 64, 1), kWeight, kBias, device),
      bn0_({.channels = 64, .eps = 0.8f}, device),
      conv1_(biased_conv3x3(64, 128, 1), kWeight, kBias, device),
      bn1_({.channels = 128, .eps = 0.8f}, device),
      conv2_(biased_conv3x3(128, 128, 2), kWeight, kBias, device),
      bn2_(128, device),
      mean_(features(image), latent, kWeight, kBias, device),
      log_variance_(features(image), latent, kWeight, kBias, device) {
  register_child("conv_blocks0.0", conv0_);
  register_child("conv_blocks0.1", bn0_);
  register_child("conv_blocks1.0", conv1_);
  register_child("conv_blocks1.1", bn1_);
  register_child("conv_blocks2.0", conv2_);
  register_child("conv_blocks2.1", bn2_);
  register_child("fc_mu", mean_);
  register_child("fc_var", log_variance_);
}

LatentEncoder::Distribution LatentEncoder::forward(const Tensor& images) const {
  const Tensor lengths = norm(images, {2}, true);
  Tensor h = images / maximum(lengths, Tensor::full({1, 1, 1, 1}, 1e-12f, images.device()));
  h = bn0_.forward(conv0_.forward(h), Activation::kLeakyRelu, {}, kEncoderSlope);
  h = bn1_.forward(conv1_.forward(h), Activation::kLeakyRelu, {}, kEncoderSlope);
  h = bn2_.forward(conv2_.forward(every_second_pixel(h)));
  const Tensor flat = flatten(every_second_pixel(h).contiguous());
  return {mean_.forward(flat), log_variance_.forward(flat)};
}

}  // namespace engram
