#include "emulator/counters/sector_cache.h"

namespace emu {

void SectorCache::clear() {
  lines_.clear();
  by_sector_.clear();
}

SectorCache::Line& SectorCache::touch(std::uint32_t sector) {
  const auto found = by_sector_.find(sector);
  if (found != by_sector_.end()) {
    lines_.splice(lines_.begin(), lines_, found->second);
    return lines_.front();
  }
  if (lines_.size() == capacity_) {
    by_sector_.erase(lines_.back().sector);
    lines_.pop_back();
  }
  lines_.push_front({sector, false, false});
  by_sector_[sector] = lines_.begin();
  return lines_.front();
}

bool SectorCache::read_misses(std::uint32_t sector) {
  Line& line = touch(sector);
  const bool misses = !line.readable;
  line.readable = true;
  return misses;
}

bool SectorCache::write_is_new(std::uint32_t sector) {
  Line& line = touch(sector);
  const bool is_new = !line.dirty;
  line.dirty = true;
  return is_new;
}

}  // namespace emu
