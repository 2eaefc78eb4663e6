#include "models/nets/feature_pyramid.h"

namespace engram {
namespace {

Conv2dConfig biased_conv1x1(dim_t in, dim_t out) {
  return {.in_channels = in, .out_channels = out, .kernel = 1, .padding = 0, .bias = true};
}

std::string pixels(dim_t height, dim_t width) {
  return message(height, "x", width);
}

const std::vector<TapSpec>& checked(const ImageShape& image, const std::vector<TapSpec>& taps) {
  if (taps.size() < 2) throw UsageError(message("[feature_pyramid] expected at least 2 maps, got ", taps.size()));
  if (taps[0].height != image.height || taps[0].width != image.width)
    throw UsageError(message("[feature_pyramid] expected a finest map of the image's ",
                             pixels(image.height, image.width), " pixels, got ",
                             pixels(taps[0].height, taps[0].width)));
  for (std::size_t s = 1; s < taps.size(); ++s)
    if (2 * taps[s].height != taps[s - 1].height || 2 * taps[s].width != taps[s - 1].width)
      throw UsageError(message("[feature_pyramid] expected maps that halve in size, got ",
                               pixels(taps[s - 1].height, taps[s - 1].width), " and ",
                               pixels(taps[s].height, taps[s].width)));
  return taps;
}

}  // namespace

FeaturePyramid::FeaturePyramid(const ImageShape& image, const std::vector<TapSpec>& taps, Device device)
    : taps_(checked(image, taps)),
      to_image_(biased_conv1x1(taps[0].channels, image.channels), device),
      out_(biased_conv1x1(image.channels, image.channels), device) {
  for (std::size_t s = taps.size() - 1; s > 0; --s) {
    const dim_t fine = taps[s - 1].channels;
    reduce_.push_back(std::make_unique<Conv2d>(biased_conv1x1(taps[s].channels, fine), device));
    register_child(message("conv", reduce_.size()), *reduce_.back());
    mix_.push_back(
        std::make_unique<Conv2d>(Conv2dConfig{.in_channels = fine, .out_channels = fine, .bias = true}, device));
  }
  register_child("conv4", to_image_);
  register_child("conv6", out_);
  for (std::size_t i = 0; i < mix_.size(); ++i) register_child(message("conv_3", i + 1), *mix_[i]);
}

FeaturePyramid::Output FeaturePyramid::forward(const Tensor& x, const std::vector<Tensor>& features) const {
  if (features.size() != taps_.size())
    throw ShapeError(message("[feature_pyramid] expected ", taps_.size(), " maps, got ", features.size()));
  for (std::size_t s = 0; s < taps_.size(); ++s) {
    const Shape expected = {x.dim(0), taps_[s].channels, taps_[s].height, taps_[s].width};
    if (features[s].shape() != expected)
      throw ShapeError(message("[feature_pyramid] expected map ", s + 1, " of extents ", to_string(expected), ", got ",
                               features[s].describe()));
  }

  Tensor h = features.back().detach();
  for (std::size_t i = 0; i < mix_.size(); ++i) {
    h = upsample_nearest(reduce_[i]->forward(h), 2) + features[features.size() - 2 - i].detach();
    if (i + 1 < mix_.size()) h = mix_[i]->forward(h);
  }

  // conv4(mix(h)): W = W4 W_mix over the channels between, b = W4 b_mix + b4; exact at the border too, as conv4 has no
  // padding.
  const Conv2d& mix = *mix_.back();
  const dim_t c = taps_[0].channels, colours = to_image_.config().out_channels;
  const Tensor w4 = reshape(to_image_.weight, {colours, c});
  const Tensor weight = reshape(matmul(w4, reshape(mix.weight, {c, 9 * c})), {colours, c, 3, 3});
  const Tensor bias = reshape(matmul(w4, reshape(mix.bias, {c, 1})), {colours}) + to_image_.bias;
  Output result;
  result.addition = conv2d(h, weight, bias, {.padding = 1});
  result.preimage = out_.forward(x + result.addition);
  return result;
}

}  // namespace engram
