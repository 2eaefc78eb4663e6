#include "engine/io/image.h"

#include <utility>

namespace engram::io {

Image to_rgb(Image image) {
  if (image.channels == 3) return image;
  Bytes rgb;
  rgb.reserve(image.pixels.size() * 3);
  for (const std::uint8_t grey : image.pixels) rgb.insert(rgb.end(), 3, grey);
  return {image.width, image.height, 3, std::move(rgb)};
}

}  // namespace engram::io
