#pragma once
/// CRC-32C (Castagnoli), the checksum of TFRecord files. Threads: any may call, also at the same time.

#include <cstdint>

#include "engine/io/bytes.h"

namespace engram::io {

/// CRC-32C of the bytes (polynomial 0x1edc6f41 reflected, RFC 3720 appendix B.4).
std::uint32_t crc32c(ByteView bytes);

/// The checksum as TFRecord stores it: rotated and offset, because checksums of data that hold checksums are weak.
std::uint32_t masked_crc32c(ByteView bytes);

}  // namespace engram::io
