#pragma once
/// JPEG files, through libjpeg-turbo. Threads: any may call, also at the same time.

#include <cstdint>
#include <string_view>

#include "engine/io/bytes.h"
#include "engine/io/image.h"

namespace engram::io {

/// What a JPEG may ask for. A file of a hundred bytes can ask for gigabytes, and each scan of a progressive image for a
/// pass over all of it.
struct JpegLimits {
  std::uint32_t max_side = 16384;  ///< pixels
  std::uint64_t max_pixels = std::uint64_t{1} << 26;
  int max_scans = 100;                                       ///< of a progressive image; encoders write about ten
  std::uint64_t max_working_bytes = std::uint64_t{1} << 30;  ///< of the decoder, beside the image
};

/// Whether a file begins as a JPEG does.
bool is_jpeg(ByteView file);

/// Decodes a whole JPEG file that lies in memory. `source` (a file name) begins every message.
///
/// Grey images give one channel, all others three; sequential and progressive ones are read, with 8 bits and Huffman
/// codes. The values are those of libjpeg-turbo's defaults, which Pillow has too: the exact integer transform (islow),
/// whose results no instruction set changes, and smooth upsampling of the colours. Images of four inks (CMYK, YCCK) are
/// taken for Adobe's inverted ones and become RGB by Pillow's formula. Profiles and the orientation of EXIF are
/// ignored: stored values are kept, as torchvision's ImageFolder does. Bytes behind the image's end are passed over, as
/// with PNG.
///
/// Throws DataError for everything that is not a complete, valid image within the limits; what the library only warns
/// of (damaged codes, an early end) counts as damage. Throws OutOfMemory.
Image decode_jpeg(ByteView file, std::string_view source = "jpeg", const JpegLimits& limits = {});

}  // namespace engram::io
