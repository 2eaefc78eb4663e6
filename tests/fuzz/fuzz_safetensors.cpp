/// Any bytes: the parser throws DataError or gives tensors whose bytes lie inside the input and that survive a round
/// trip.

#include <algorithm>
#include <cstdint>

#include "engine/io/safetensors.h"
#include "engine/io/tensor_bytes.h"
#include "kernels/common/error.h"
#include "tests/fuzz/require.h"

namespace io = engram::io;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  io::SafetensorsView view;
  try {
    view = io::parse_safetensors({data, size});
  } catch (const engram::DataError&) {
    return 0;
  }
  for (const io::SafetensorsEntry& entry : view.entries) {
    ENGRAM_REQUIRE(entry.bytes.empty() ||
                   (entry.bytes.data() >= data && entry.bytes.data() + entry.bytes.size() <= data + size));
    try {
      ENGRAM_REQUIRE(io::to_f32(entry).size() * io::file_dtype_bits(entry.dtype) == 8 * entry.bytes.size());
      io::to_i32(entry);
    } catch (const engram::DataError&) {
    }
  }
  const io::Bytes again = io::serialize_safetensors(view.entries, view.metadata);
  const io::SafetensorsView copy = io::parse_safetensors(again);
  ENGRAM_REQUIRE(copy.metadata == view.metadata && copy.entries.size() == view.entries.size());
  for (const io::SafetensorsEntry& entry : copy.entries) {
    const io::SafetensorsEntry* original = view.find(entry.name);
    ENGRAM_REQUIRE(original && original->dtype == entry.dtype && original->shape == entry.shape);
    ENGRAM_REQUIRE(std::equal(original->bytes.begin(), original->bytes.end(), entry.bytes.begin(), entry.bytes.end()));
  }
  ENGRAM_REQUIRE(io::serialize_safetensors(copy.entries, copy.metadata) == again);
  return 0;
}
