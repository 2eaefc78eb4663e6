#include "emulator/mutation.h"

#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <stdexcept>
#include <utility>

#include "emulator/emulator.h"
#include "emulator/engine/sync_points.h"

namespace emu {
namespace {

enum class Mode { kOff, kRecord, kRemove };

struct SyncPoints {
  std::atomic<Mode> mode{Mode::kOff};
  std::mutex mutex;
  std::map<std::pair<std::string, int>, SourceLocation> reached;
  SourceLocation removed;
};

SyncPoints& points() {
  static SyncPoints& instance = *new SyncPoints;
  return instance;
}

struct NamedOrder {
  Order order;
  const char* name;
};
constexpr NamedOrder kOrders[] = {
    {Order::kForward, "forward order"}, {Order::kReverse, "reverse order"}, {Order::kRandom, "random order"}};

// What a run in one order noticed: a tool's finding, or a wrong result; empty if nothing.
std::string run_once(const std::function<bool()>& cases, const NamedOrder& order) {
  options().order = order.order;
  take_reports();
  const bool right = cases();
  const auto reports = take_reports();
  take_launch_status();
  if (!reports.empty()) return std::string(tool_name(reports.front().tool)) + ", " + order.name;
  return right ? "" : std::string("wrong result, ") + order.name;
}

std::string run_all_orders(const std::function<bool()>& cases) {
  for (const auto& order : kOrders) {
    if (std::string noticed = run_once(cases, order); !noticed.empty()) return noticed;
  }
  return "";
}

}  // namespace

bool sync_is_removed(SourceLocation sync) {
  SyncPoints& p = points();
  const Mode mode = p.mode.load(std::memory_order_relaxed);
  if (mode == Mode::kOff) return false;
  if (mode == Mode::kRemove) return sync.line == p.removed.line && std::strcmp(sync.file, p.removed.file) == 0;
  std::lock_guard lock(p.mutex);
  p.reached.try_emplace({sync.file, sync.line}, sync);
  return false;
}

std::vector<SyncRemoval> remove_each_sync(const std::function<bool()>& cases) {
  SyncPoints& p = points();
  const Options saved = options();
  p.reached.clear();
  p.mode = Mode::kRecord;
  const std::string noticed = run_all_orders(cases);
  std::vector<SyncRemoval> removals;
  if (noticed.empty()) {
    for (const auto& [key, sync] : p.reached) {
      p.removed = sync;
      p.mode = Mode::kRemove;
      removals.push_back({sync, run_all_orders(cases)});
    }
  }
  p.mode = Mode::kOff;
  options() = saved;
  if (!noticed.empty()) throw std::logic_error("with nothing removed: " + noticed);
  return removals;
}

}  // namespace emu
