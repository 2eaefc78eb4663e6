#include <array>
#include <mutex>
#include <vector>

#include "kernels/common/cuda/launch.h"
#include "kernels/common/error.h"
#include "kernels/plugin/cuda/check.h"

namespace engram::kernels::cuda {
namespace {

constexpr std::size_t kKept = 64, kShown = 8;

struct Entry {
  const char* operation;
  LaunchRecord launch;
};

/// The last launches of all threads, in a ring.
struct Log {
  std::mutex mutex;
  std::array<Entry, kKept> entries;
  std::size_t count = 0;  ///< of all launches so far
};
Log& log() {
  static Log& instance = *new Log;
  return instance;
}

thread_local std::vector<const char*> operations;

void note(const LaunchRecord& launch) {
  const std::lock_guard lock(log().mutex);
  log().entries[log().count++ % kKept] = {operations.empty() ? "" : operations.back(), launch};
}

std::string describe(const Entry& entry) {
  const LaunchRecord& l = entry.launch;
  std::string sizes;
  for (int i = 0; i < l.num_sizes; ++i) sizes += message(i ? "," : " sizes ", l.sizes[i]);
  return message(entry.operation, *entry.operation ? ": " : "", l.kernel, " grid ", l.grid[0], "x", l.grid[1], "x",
                 l.grid[2], " block ", l.block[0], "x", l.block[1], "x", l.block[2], sizes);
}

}  // namespace

std::string last_launches() {
  const std::lock_guard lock(log().mutex);
  const std::size_t shown = std::min(kShown, log().count);
  std::string text;
  for (std::size_t i = log().count - shown; i < log().count; ++i)
    text += (text.empty() ? "" : "; ") + describe(log().entries[i % kKept]);
  return text;
}

void watch_launches() {
  set_launch_observer(note);
}

void push_operation(const char* name) noexcept {
  operations.push_back(name);
}

void pop_operation() noexcept {
  operations.pop_back();
}

}  // namespace engram::kernels::cuda
