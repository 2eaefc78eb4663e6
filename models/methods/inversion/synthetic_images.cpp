#include "models/methods/inversion/synthetic_images.h"

#include <algorithm>

namespace engram {
namespace {

std::uint8_t to_byte(float v) {
  return std::uint8_t(std::clamp(255.f * v + 0.5f, 0.f, 255.f));
}

}  // namespace

PixelScaling parse_pixel_scaling(const std::string& text) {
  if (text == "per-image") return PixelScaling::kPerImage;
  if (text == "denormalized") return PixelScaling::kDenormalized;
  throw UsageError(message("[invert] expected the pixel scaling per-image or denormalized, got '", text, "'"));
}

std::vector<std::uint8_t> to_pixels(const Tensor& images, PixelScaling scaling, const Normalization& normalization) {
  if (images.rank() != 4) throw ShapeError(message("[to_pixels] expected images [B,C,H,W], got ", images.describe()));
  const dim_t count = images.dim(0), channels = images.dim(1), pixels = images.dim(2) * images.dim(3);
  if (scaling == PixelScaling::kDenormalized && dim_t(normalization.mean.size()) != channels)
    throw ShapeError(
        message("[to_pixels] expected ", channels, " normalisation constants, got ", normalization.mean.size()));
  const std::vector<float> values = images.to_vector();
  std::vector<std::uint8_t> bytes(values.size());
  if (scaling == PixelScaling::kUnit) {
    std::transform(values.begin(), values.end(), bytes.begin(),
                   [](float v) { return std::uint8_t(255.f * std::clamp(v, 0.f, 1.f)); });
    return bytes;
  }
  for (dim_t i = 0; i < count; ++i) {
    const float* image = values.data() + i * channels * pixels;
    const auto [low, high] = std::minmax_element(image, image + channels * pixels);
    for (dim_t j = 0; j < channels * pixels; ++j) {
      const std::size_t c = std::size_t(j / pixels);
      const float v = scaling == PixelScaling::kPerImage ? (image[j] - *low) / (*high - *low + 1e-5f)
                                                         : image[j] * normalization.std[c] + normalization.mean[c];
      bytes[std::size_t(i * channels * pixels + j)] = to_byte(v);
    }
  }
  return bytes;
}

}  // namespace engram
