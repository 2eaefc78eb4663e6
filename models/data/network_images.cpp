#include "models/data/network_images.h"

#include <algorithm>

#include "kernels/common/error.h"

namespace engram {

ImageDataset network_images(ImageDataset data, const ImageShape& shape, const std::string& source) {
  if (data.shape() == shape) return data;
  if (data.channels != 1 || data.height > shape.height || data.width > shape.width)
    throw DataError(message("expected images of ", to_string(shape), ", or grey ones of at most ", shape.height, "x",
                            shape.width, ", got ", to_string(data.shape()), " in ", source, "; hint: resize them"));
  const dim_t top = (shape.height - data.height) / 2, left = (shape.width - data.width) / 2;
  std::vector<std::uint8_t> pixels(std::size_t(data.count * shape.count()), 0);
  for (dim_t i = 0; i < data.count; ++i)
    for (dim_t c = 0; c < shape.channels; ++c) {
      std::uint8_t* const out = pixels.data() + ((i * shape.channels + c) * shape.height + top) * shape.width + left;
      for (dim_t y = 0; y < data.height; ++y)
        std::copy_n(data.image(i) + y * data.width, data.width, out + y * shape.width);
    }
  data.normalization.mean.assign(std::size_t(shape.channels), data.normalization.mean[0]);
  data.normalization.std.assign(std::size_t(shape.channels), data.normalization.std[0]);
  data.pixels = std::move(pixels);
  data.channels = shape.channels;
  data.height = shape.height;
  data.width = shape.width;
  return data;
}

ImageShape shape_for_network(const ImageDataset& data) {
  const ImageShape standard = {3, 32, 32};
  const bool small_and_grey = data.channels == 1 && data.height <= standard.height && data.width <= standard.width;
  return small_and_grey ? standard : data.shape();
}

}  // namespace engram
