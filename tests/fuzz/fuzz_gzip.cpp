/// Any bytes: unpacking throws DataError or gives content within the limit that survives a round trip.

#include <cstdint>

#include "engine/io/gzip.h"
#include "kernels/common/error.h"
#include "tests/fuzz/require.h"

namespace io = engram::io;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::uint64_t kMaxBytes = 1 << 18;
  io::Bytes content;
  try {
    content = io::gunzip({data, size}, kMaxBytes);
  } catch (const engram::DataError&) {
    return 0;
  }
  ENGRAM_REQUIRE(content.size() <= kMaxBytes);
  ENGRAM_REQUIRE(io::gunzip(io::gzip(content), kMaxBytes) == content);
  return 0;
}
