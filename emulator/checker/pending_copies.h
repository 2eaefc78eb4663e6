#pragma once
/// Asynchronous copies of the running block that no wait has ended yet, by the cells of shared memory that they write.

#include <cstdint>
#include <unordered_map>

#include "emulator/checker/shadow.h"

namespace emu {

/// What is known of one cell's copy.
struct PendingCell {
  SiteId site = 0;
  std::uint16_t thread = 0;
  bool touched = false;  ///< somebody read the place all the same
  bool copied = false;   ///< from a source, whose last write was this one at the issue
  Stamp source_write;
};

class PendingCopies {
 public:
  void clear() { cells_.clear(); }
  bool empty() const { return cells_.empty(); }
  /// The copy that will write `cell`, or null.
  PendingCell* find(Cell cell) {
    const auto found = cells_.find(cell);
    return found == cells_.end() ? nullptr : &found->second;
  }
  void put(Cell cell, const PendingCell& copy) { cells_[cell] = copy; }
  void erase(Cell cell) { cells_.erase(cell); }

 private:
  std::unordered_map<Cell, PendingCell> cells_;
};

}  // namespace emu
