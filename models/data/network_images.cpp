#include "models/data/network_images.h"

#include <algorithm>

#include "kernels/common/error.h"

namespace engram {
namespace {

constexpr dim_t kChannels = 3, kSize = 32;

}  // namespace

ImageDataset network_images(ImageDataset data, const std::string& source) {
  if (data.channels == kChannels && data.height == kSize && data.width == kSize) return data;
  if (data.channels != 1 || data.height > kSize || data.width > kSize)
    throw DataError(message("expected images of 3x32x32, or grey ones of at most 32x32, got ", data.channels, "x",
                            data.height, "x", data.width, " in ", source));
  const dim_t top = (kSize - data.height) / 2, left = (kSize - data.width) / 2;
  std::vector<std::uint8_t> pixels(std::size_t(data.count * kChannels * kSize * kSize), 0);
  for (dim_t i = 0; i < data.count; ++i)
    for (dim_t c = 0; c < kChannels; ++c) {
      std::uint8_t* const out = pixels.data() + ((i * kChannels + c) * kSize + top) * kSize + left;
      for (dim_t y = 0; y < data.height; ++y) std::copy_n(data.image(i) + y * data.width, data.width, out + y * kSize);
    }
  data.normalization.mean.assign(kChannels, data.normalization.mean[0]);
  data.normalization.std.assign(kChannels, data.normalization.std[0]);
  data.pixels = std::move(pixels);
  data.channels = kChannels;
  data.height = data.width = kSize;
  return data;
}

}  // namespace engram
