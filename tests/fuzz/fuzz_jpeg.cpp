/// Any bytes: the decoder throws DataError or gives an image within the limits, the same when asked again.

#include <cstdint>

#include "engine/io/jpeg.h"
#include "kernels/common/error.h"
#include "tests/fuzz/require.h"

namespace io = engram::io;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const io::JpegLimits limits{.max_side = 512, .max_pixels = 1 << 16, .max_scans = 20, .max_working_bytes = 1 << 18};
  io::Image image;
  try {
    image = io::decode_jpeg({data, size}, "jpeg", limits);
  } catch (const engram::DataError&) {
    return 0;
  }
  ENGRAM_REQUIRE(image.width <= 512 && image.height <= 512 && image.width * image.height <= 1 << 16);
  ENGRAM_REQUIRE(image.channels == 1 || image.channels == 3);
  ENGRAM_REQUIRE(engram::dim_t(image.pixels.size()) == image.width * image.height * image.channels);
  ENGRAM_REQUIRE(io::decode_jpeg({data, size}, "jpeg", limits) == image);
  return 0;
}
