/// Any bytes: a metrics file is refused with DataError, or kept up to the end of a line, and what is kept is kept
/// again.

#include <cstdint>

#include "engine/io/jsonl.h"
#include "kernels/common/error.h"
#include "tests/fuzz/require.h"

namespace io = engram::io;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::int64_t kStep = 5;
  const io::ByteView file(data, size);
  std::size_t kept = 0;
  try {
    kept = io::jsonl_keep_bytes(file, kStep);
  } catch (const engram::DataError&) {
    return 0;
  }
  ENGRAM_REQUIRE(kept <= size && (kept == 0 || data[kept - 1] == '\n'));
  ENGRAM_REQUIRE(io::jsonl_keep_bytes(file.first(kept), kStep) == kept);
  return 0;
}
