#include "models/data/image_shape.h"

#include <vector>

#include "kernels/common/error.h"

namespace engram {
namespace {

constexpr dim_t kMaxChannels = 4, kMaxSide = 4096;

}  // namespace

std::string to_string(const ImageShape& shape) {
  return message(shape.channels, "x", shape.height, "x", shape.width);
}

void check_image_shape(const ImageShape& s) {
  if (s.channels < 1 || s.channels > kMaxChannels || s.height < 1 || s.height > kMaxSide || s.width < 1 ||
      s.width > kMaxSide)
    throw DataError(message("expected images of 1 to ", kMaxChannels, " channels and 1 to ", kMaxSide,
                            " rows and columns, got ", to_string(s)));
}

ImageShape parse_image_shape(const std::string& text) {
  constexpr std::size_t kMaxLength = 14;
  std::vector<dim_t> extents(1, 0);
  bool good = text.size() <= kMaxLength;
  bool digit = false;
  for (const char c : text.substr(0, kMaxLength)) {
    if (c >= '0' && c <= '9') {
      extents.back() = 10 * extents.back() + (c - '0');
      digit = true;
    } else {
      good = good && c == 'x' && digit;
      extents.push_back(0);
      digit = false;
    }
  }
  if (!good || !digit || extents.size() != 3)
    throw DataError(message("expected the extents of an image as CHANNELSxHEIGHTxWIDTH, got \"", text, "\""));
  const ImageShape shape{extents[0], extents[1], extents[2]};
  check_image_shape(shape);
  return shape;
}

}  // namespace engram
