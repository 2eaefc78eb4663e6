/// Any bytes: the decoder throws DataError or gives an image within the limits that survives a round trip.

#include <zlib.h>

#include <cstdint>

#include "engine/io/png.h"
#include "kernels/common/error.h"
#include "tests/fuzz/require.h"

namespace io = engram::io;

namespace {

/// The file with every chunk's checksum made right: a mutated chunk would else be refused before anything reads it.
io::Bytes with_right_checksums(io::ByteView file) {
  constexpr std::size_t kSignature = 8, kLength = 4, kType = 4, kChecksum = 4;
  io::Bytes out(file.begin(), file.end());
  for (std::size_t at = kSignature; at + kLength + kType + kChecksum <= out.size();) {
    const std::size_t length = __builtin_bswap32(io::load_le<std::uint32_t>(out.data() + at));
    if (length > out.size() - at - kLength - kType - kChecksum) break;
    const auto checksum =
        static_cast<std::uint32_t>(crc32(0, out.data() + at + kLength, static_cast<uInt>(kType + length)));
    io::store_le(out.data() + at + kLength + kType + length, __builtin_bswap32(checksum));
    at += kLength + kType + length + kChecksum;
  }
  return out;
}

void decode_and_check(io::ByteView file) {
  const io::PngLimits limits{.max_side = 512, .max_pixels = 1 << 16, .max_file_bytes = 1 << 20};
  io::Image image;
  try {
    image = io::decode_png(file, "png", limits);
  } catch (const engram::DataError&) {
    return;
  }
  ENGRAM_REQUIRE(image.width <= 512 && image.height <= 512 && image.width * image.height <= 1 << 16);
  ENGRAM_REQUIRE(io::decode_png(io::encode_png(image), "png", limits) == image);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  decode_and_check({data, size});
  decode_and_check(with_right_checksums({data, size}));
  return 0;
}
