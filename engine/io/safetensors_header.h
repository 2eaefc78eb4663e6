#pragma once
/// The JSON header of a safetensors file, without judgement on whether it fits the data. Internal to engine/io.
/// Threads: any may call, also at the same time.
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "engine/io/safetensors.h"

namespace engram::io {

/// One member of the header object, as stated.
struct SafetensorsHeaderEntry {
  std::string name;
  FileDType dtype = FileDType::kF32;
  std::vector<dim_t> shape;
  std::uint64_t begin = 0, end = 0;
};

/// The whole header object, in the order of the file.
struct SafetensorsHeader {
  std::vector<SafetensorsHeaderEntry> entries;
  SafetensorsMetadata metadata;
};

/// Reads the JSON text. Refuses (DataError) everything but one object of the expected members, each once. Uses memory
/// in proportion to the text, whatever the nesting.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::string_view source);

}  // namespace engram::io
