/// Any bytes: the decoder throws DataError or gives an image within the limits that survives a round trip.

#include <cstdint>

#include "engine/io/png.h"
#include "kernels/common/error.h"
#include "tests/fuzz/require.h"

namespace io = engram::io;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const io::PngLimits limits{.max_side = 512, .max_pixels = 1 << 16, .max_file_bytes = 1 << 20};
  io::Image image;
  try {
    image = io::decode_png({data, size}, "png", limits);
  } catch (const engram::DataError&) {
    return 0;
  }
  ENGRAM_REQUIRE(image.width <= 512 && image.height <= 512 && image.width * image.height <= 1 << 16);
  ENGRAM_REQUIRE(io::decode_png(io::encode_png(image), "png", limits) == image);
  return 0;
}
