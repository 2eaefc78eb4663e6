/// Asynchronous copies: a thread's own list, in groups; the data move when Options::copies says.

#include "emulator/engine/async_copy.h"

#include <algorithm>
#include <cstring>

#include "emulator/dialect/tensor.h"
#include "emulator/emulator.h"
#include "emulator/engine/hooks.h"
#include "emulator/engine/sync_points.h"
#include "emulator/engine/worker.h"

namespace emu {
namespace {

void move_data(AsyncCopy& copy) {
  if (copy.moved) return;
  std::memcpy(copy.to, copy.from, copy.valid);
  std::memset(copy.to + copy.valid, 0, copy.bytes - copy.valid);
  copy.moved = true;
}

}  // namespace

void Worker::refuse_copy(SourceLocation caller, const std::string& why) {
  add_report(Tool::kMemcheck, "Invalid asynchronous copy", short_place(caller), {why});
  stop();
}

void Worker::issue_copy(std::uint32_t to, const void* from, unsigned bytes, int valid, SourceLocation caller) {
  if (bytes != 4 && bytes != 8 && bytes != 16) refuse_copy(caller, std::to_string(bytes) + " bytes, not 4, 8 or 16");
  if (valid < 0 || unsigned(valid) > bytes) {
    refuse_copy(caller, std::to_string(valid) + " valid bytes of " + std::to_string(bytes));
  }
  char* const target = shared_pointer(to, bytes, "write", caller);
  if (valid > 0 && std::uintptr_t(from) % bytes != 0) refuse_copy(caller, "The source is misaligned");
  if (valid > 0 && in_shared_memory(from)) refuse_copy(caller, "The source is __shared__ memory, not __global__");
  Thread& t = *current_;
  AsyncCopy copy{target, static_cast<const char*>(from), bytes, unsigned(valid), t.copy_groups, false, caller};
  if (hooks().copy_issued) hooks().copy_issued(*this, copy);
  std::memset(target, 0xFF, bytes);  // neither the old nor the new contents may be relied on
  if (options().copies == Copies::kEarly) move_data(copy);
  t.copies.push_back(copy);
}

void Worker::commit_copies() {
  ++current_->copy_groups;
}

void Worker::wait_copies(std::size_t pending, SourceLocation caller) {
  if (sync_is_removed(caller)) return;
  Thread& t = *current_;
  const auto still_under_way = [&](AsyncCopy& copy) { return copy.group + pending >= t.copy_groups; };
  const auto done = std::stable_partition(t.copies.begin(), t.copies.end(), still_under_way);
  for (auto copy = done; copy != t.copies.end(); ++copy) {
    move_data(*copy);
    if (hooks().copy_arrived) hooks().copy_arrived(*this, *copy);
  }
  t.copies.erase(done, t.copies.end());
}

void Worker::move_some_copies(Thread& thread) {
  for (auto& copy : thread.copies) {
    if ((next_random(copy_random_) & 1) != 0) move_data(copy);
  }
}

void Worker::abandon_copies(Thread& thread) {
  for (const auto& copy : thread.copies) {
    if (hooks().copy_abandoned) hooks().copy_abandoned(*this, copy);
  }
  thread.copies.clear();
}

void issue_copy(std::uint32_t to, const void* from, unsigned bytes, int valid, SourceLocation caller) {
  current_worker->issue_copy(to, from, bytes, valid, caller);
}
void commit_copies() {
  current_worker->commit_copies();
}
void wait_copies(std::size_t pending, SourceLocation caller) {
  current_worker->wait_copies(pending, caller);
}

}  // namespace emu
