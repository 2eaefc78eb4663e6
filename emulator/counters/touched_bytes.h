#pragma once
/// Which bytes of emulated memory a launch read and wrote.

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

namespace emu {

/// Two sets of byte offsets, page by page.
class TouchedBytes {
 public:
  void clear() { pages_.clear(); }
  /// Adds [begin, begin + bytes); returns how many of them are new.
  std::size_t add(std::uint32_t begin, std::uint32_t bytes);

 private:
  static constexpr std::uint32_t kPageBytes = 4096;
  std::unordered_map<std::uint32_t, std::vector<bool>> pages_;
};

}  // namespace emu
