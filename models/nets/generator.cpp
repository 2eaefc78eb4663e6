#include "models/nets/generator.h"

#include "models/nets/conv_config.h"

namespace engram {
namespace {

constexpr dim_t kGrowth = 4;      // from the first map to the image
constexpr dim_t kChannels = 128;  // of the first two maps
constexpr float kGeneratorSlope = 0.2f;

/// kaiming_normal_ without arguments: gain sqrt(2), fan in.
Init weight_init(dim_t in) {
  return Init::he_normal(9 * in);
}

const Init kScale = Init::normal(1, 0.02f);

const ImageShape& checked(const ImageShape& image) {
  if (image.height % kGrowth != 0 || image.width % kGrowth != 0)
    throw UsageError(message("[generator] expected images whose rows and columns are multiples of ", kGrowth, ", got ",
                             to_string(image)));
  return image;
}

}  // namespace

ImageGenerator::ImageGenerator(dim_t latent, const ImageShape& image, Device device)
    : image_(checked(image)),
      linear_(latent, kChannels * (image.height / kGrowth) * (image.width / kGrowth), device),
      bn0_(kChannels, device, kScale),
      conv3_(biased_conv3x3(kChannels, kChannels), weight_init(kChannels), Init::constant(0), device),
      bn4_(kChannels, device, kScale),
      conv7_(biased_conv3x3(kChannels, kChannels / 2), weight_init(kChannels), Init::constant(0), device),
      bn8_(kChannels / 2, device, kScale),
      conv10_(biased_conv3x3(kChannels / 2, image.channels), weight_init(kChannels / 2), Init::constant(0), device) {
  register_child("l3", linear_);
  register_child("conv_block.0", bn0_);
  register_child("conv_block.3", conv3_);
  register_child("conv_block.4", bn4_);
  register_child("conv_block.7", conv7_);
  register_child("conv_block.8", bn8_);
  register_child("conv_block.10", conv10_);
}

Tensor ImageGenerator::forward(const Tensor& z) const {
  if (z.rank() != 2 || z.dim(1) != latent())
    throw ShapeError(message("[generator] expected latents [N,", latent(), "], got ", z.describe()));
  Tensor h =
      reshape(linear_.forward(z), {z.dim(0), kChannels, image_.height / kGrowth, image_.width / kGrowth}).blocked();
  h = upsample_nearest(bn0_.forward(h, Activation::kLeakyRelu, {}, kGeneratorSlope), 2);
  h = upsample_nearest(bn4_.forward(conv3_.forward(h), Activation::kLeakyRelu, {}, kGeneratorSlope), 2);
  h = bn8_.forward(conv7_.forward(h), Activation::kLeakyRelu, {}, kGeneratorSlope);
  return conv10_.forward(h);
}

}  // namespace engram
