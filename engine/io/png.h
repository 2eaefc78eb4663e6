#pragma once
/// PNG files, through libpng. Threads: any may call, also at the same time.

#include <cstdint>
#include <filesystem>
#include <string_view>

#include "engine/io/bytes.h"
#include "engine/io/image.h"

namespace engram::io {

/// What a PNG may ask for. The memory of a decoded image is known from its first bytes; larger ones are refused before
/// it is taken.
struct PngLimits {
  std::uint32_t max_side = 16384;  ///< pixels
  std::uint64_t max_pixels = std::uint64_t{1} << 26;
  std::uint64_t max_file_bytes = std::uint64_t{1} << 29;
};

/// Whether a file begins as a PNG does.
bool is_png(ByteView file);

/// Decodes a whole PNG file that lies in memory. `source` (a file name) begins every message.
///
/// Grey images give one channel, all others three. Palettes are looked up, 1, 2 and 4 bit grey values scaled to 8, 16
/// bit values rounded to 8, transparency and colour profiles ignored (stored values are kept, as training pipelines
/// do). Bytes behind the image's end are passed over, as other decoders do: files from downloads and from fixed-size
/// blocks have them. Throws DataError for everything that is not a complete, valid image within the limits.
Image decode_png(ByteView file, std::string_view source = "png", const PngLimits& limits = {});

/// Reads and decodes a file. Throws IoError when it cannot be read, DataError as above.
Image read_png(const std::filesystem::path& path, const PngLimits& limits = {});

/// Encodes an image with one or three channels. Equal images give equal bytes (for one version of zlib).
/// Throws ShapeError when the image is empty, its pixels do not have the stated number, or it exceeds what PNG can
/// hold.
Bytes encode_png(const Image& image);

/// Encodes and writes, atomically. Throws ShapeError and as AtomicFile.
void write_png(const std::filesystem::path& path, const Image& image);

}  // namespace engram::io
