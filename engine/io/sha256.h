#pragma once
/// SHA-256 (FIPS 180-4), for the checksums of archives and the hashes in a run's manifest.
/// Threads: any may call, also at the same time.
#include <array>
#include <cstdint>
#include <filesystem>
#include <string>

#include "engine/io/bytes.h"

namespace engram::io {

/// A hash that takes its input in pieces.
class Sha256 {
 public:
  /// Appends bytes to the input.
  void update(ByteView bytes);

  /// The hash of all input. Call it once, last.
  std::array<std::uint8_t, 32> finish();

 private:
  void compress(const std::uint8_t* block);

  std::uint32_t state_[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                             0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  std::array<std::uint8_t, 64> block_{};
  std::size_t fill_ = 0;      // bytes in block_
  std::uint64_t length_ = 0;  // bytes in all
};

/// A finished hash as 64 lower-case hexadecimal digits.
std::string hex(const std::array<std::uint8_t, 32>& digest);

/// The hash as 64 lower-case hexadecimal digits.
std::string sha256_hex(ByteView bytes);

/// The hash of a file's content, read in pieces. Throws IoError when it cannot be read.
std::string sha256_file_hex(const std::filesystem::path& path);

}  // namespace engram::io
