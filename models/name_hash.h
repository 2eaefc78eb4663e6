#pragma once
/// Numbers for names, the same on every platform. Threads: none are made.

#include <cstdint>
#include <string_view>

namespace engram {

/// FNV-1a, 64 bits: the random stream of a parameter or a purpose is split off by the hash of its name.
inline std::uint64_t name_hash(std::string_view name) {
  std::uint64_t value = 0xcbf29ce484222325u;
  for (const char c : name) value = (value ^ std::uint8_t(c)) * 0x100000001b3u;
  return value;
}

}  // namespace engram
