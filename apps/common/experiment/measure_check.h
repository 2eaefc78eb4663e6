#pragma once
/// Whether finished cells have written what the plan's table is to show.

#include <mutex>
#include <string>

#include "apps/common/experiment/cell_store.h"

namespace engram::apps {

/// Keeps the first mistake in the plan's measure that a complete cell shows (CellStore::measure_mistake). Cells may be
/// looked at from any thread. Plan and store outlive it.
class MeasureCheck {
 public:
  MeasureCheck(const Plan& plan, const CellStore& store) : plan_(plan), store_(store) {}

  void look(const Cell& cell);
  /// Empty while there is none.
  std::string mistake() const;

 private:
  const Plan& plan_;
  const CellStore& store_;
  mutable std::mutex mutex_;
  std::string mistake_;
};

}  // namespace engram::apps
