#include "apps/common/experiment/measure_check.h"

namespace engram::apps {

void MeasureCheck::look(const Cell& cell) {
  const std::string mistake = store_.measure_mistake(cell, plan_);
  const std::lock_guard lock(mutex_);
  if (mistake_.empty()) mistake_ = mistake;
}

std::string MeasureCheck::mistake() const {
  const std::lock_guard lock(mutex_);
  return mistake_;
}

}  // namespace engram::apps
