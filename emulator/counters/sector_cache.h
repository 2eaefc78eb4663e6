#pragma once
/// A block's share of the first-level cache: fully associative, least recently used sector out first.

#include <cstddef>
#include <cstdint>
#include <list>
#include <unordered_map>

namespace emu {

inline constexpr std::uint32_t kSectorBytes = 32;

class SectorCache {
 public:
  explicit SectorCache(std::size_t capacity_bytes) : capacity_(capacity_bytes / kSectorBytes) {}

  void clear();
  /// Whether a read of the sector must fetch it.
  bool read_misses(std::uint32_t sector);
  /// Whether a write of the sector is a new transfer: it is not among those that wait to be merged.
  bool write_is_new(std::uint32_t sector);

 private:
  struct Line {
    std::uint32_t sector;
    bool readable, dirty;
  };
  // The line of the sector, moved to the front; made (and another one dropped) if there was none.
  Line& touch(std::uint32_t sector);

  std::size_t capacity_;
  std::list<Line> lines_;
  std::unordered_map<std::uint32_t, std::list<Line>::iterator> by_sector_;
};

}  // namespace emu
