#include "emulator/checker/checks.h"

#include <algorithm>

namespace emu {
namespace {

const char* space_name(const Access& access) {
  return access.shared ? "__shared__" : "__global__";
}

const char* kind_name(AccessKind kind) {
  return kind == AccessKind::kAtomic ? "atomic" : is_write(kind) ? "write" : "read";
}

std::string access_text(const Access& access) {
  return std::string(space_name(access)) + " " + kind_name(access.kind) + " of size " + std::to_string(access.bytes) +
         " bytes";
}

std::string describe(const Worker& worker, const Access& access, const char* p) {
  return access.shared ? describe_shared(worker, p) : describe_address(p);
}

}  // namespace

const char* access_name(AccessKind kind) {
  return kind == AccessKind::kAtomic ? "Atomic" : is_write(kind) ? "Write" : "Read";
}

std::string describe_shared(const Worker& worker, const char* p) {
  std::string text = "not in any __shared__ array of the block";
  for (const auto& array : worker.shared_arrays()) {
    const std::string name =
        (array.tag ? "__shared__ array '" + std::string(array.tag->name) + "'" : "dynamic __shared__ memory") +
        std::string(" of size ") + std::to_string(array.bytes) + " bytes";
    if (p >= array.begin && p < array.begin + array.bytes) {
      return "at offset " + std::to_string(p - array.begin) + " of the " + name;
    }
    // Arrays lie in ascending order: the last one that ends before p is the nearest.
    if (p >= array.begin + array.bytes)
      text = std::to_string(p - array.begin - std::ptrdiff_t(array.bytes) + 1) + " bytes after the " + name;
  }
  return text;
}

void Checks::begin_launch() {
  first_block_ = std::uint32_t(next_block_serial());
  seen_.clear();
}

void Checks::begin_block(Worker& worker) {
  clocks_.reset(worker.warps().size());
  pending_.clear();
  for (const auto& array : worker.shared_arrays()) set_state(array.begin, array.bytes, true, false);
}

bool Checks::is_new(Tool tool, SiteId site, SiteId other, int variant) {
  const std::uint64_t key =
      (std::uint64_t{site} << 34 ^ std::uint64_t{other} << 8) | std::uint64_t(tool) << 4 | std::uint64_t(variant);
  return seen_.insert(key).second;
}

bool Checks::check(const Worker& worker, const Access& access) {
  if (access.aligned && std::uintptr_t(access.begin) % access.bytes != 0) {
    report_invalid(worker, access, access.begin, "Address is misaligned");
    return false;
  }
  if (const char* invalid = first_invalid(access.begin, access.bytes)) {
    report_invalid(worker, access, invalid, "Access is out of bounds");
    return false;
  }
  const char* end = access.begin + access.bytes;
  for (const char* p = access.begin; p < end;) {
    const std::size_t in_cell = std::uintptr_t(p) % kCellBytes;
    const std::size_t count = std::min<std::size_t>(kCellBytes - in_cell, std::size_t(end - p));
    check_cell(worker, access, cell_of(p), std::uint8_t(((1u << count) - 1) << in_cell));
    p += count;
  }
  return true;
}

void Checks::report_foreign(const Access& access, const char* whose) {
  if (!is_new(Tool::kMemcheck, access.site, 0, 2)) return;
  add_report(Tool::kMemcheck, "Invalid " + access_text(access), site_text(access.site),
             {std::string("Address is ") + whose});
}

void Checks::report_invalid(const Worker& worker, const Access& access, const char* address, const char* why) {
  if (!is_new(Tool::kMemcheck, access.site, 0, access.aligned && std::uintptr_t(access.begin) % access.bytes != 0))
    return;
  add_report(Tool::kMemcheck, "Invalid " + access_text(access), site_text(access.site),
             {why, "and is " + describe(worker, access, address)});
}

void Checks::report_uninitialised(const Worker& worker, const Access& access) {
  if (!is_new(Tool::kInitcheck, access.site, 0, 0)) return;
  add_report(Tool::kInitcheck,
             std::string("Uninitialized ") + space_name(access) + " memory read of size " +
                 std::to_string(access.bytes) + " bytes",
             site_text(access.site), {describe(worker, access, access.begin)});
}

void Checks::check_cell(const Worker& worker, const Access& access, Cell cell, std::uint8_t mask) {
  if (PendingCell* pending = pending_.empty() ? nullptr : pending_.find(cell)) {
    return report_under_way(worker, access, *pending);
  }
  CellState& state = state_of(cell);
  const bool reads = !is_write(access.kind) || access.kind == AccessKind::kAtomic;
  if (reads && (state >> 4 & mask) != mask) {
    report_uninitialised(worker, access);
    state = CellState(state | mask << 4);  // once is enough
  }
  History& history = history_of(cell);
  check_race(worker, access, cell, history.write, true, mask);
  if (is_write(access.kind)) {
    check_race(worker, access, cell, history.read, false, mask);
    check_race(worker, access, cell, history.other_read, false, mask);
    check_race(worker, access, cell, history.foreign_read, false, mask);
  }
  Stamp now = stamp_of(worker, access.site, mask, access.kind == AccessKind::kAtomic);
  if (!is_write(access.kind)) return remember_read(history, now);
  const Stamp& last = history.write;
  const bool continues = last.block == now.block && last.thread == now.thread && last.barriers == now.barriers &&
                         last.clock == now.clock && last.atomic == now.atomic;
  if (continues) now.bytes |= last.bytes;
  history.write = now;
  state = CellState(state | mask << 4);
}

Stamp Checks::stamp_of(const Worker& worker, SiteId site, std::uint8_t bytes, bool atomic) const {
  const Thread& t = *worker.current();
  return {std::uint32_t(worker.block_serial()),
          site,
          t.barriers,
          clocks_.own(t.warp, t.lane),
          std::uint16_t(t.rank()),
          bytes,
          atomic};
}

// Two reads of the block, of different warps if possible: whoever writes next is then unordered with one of them if it
// is unordered with any.
void Checks::remember_read(History& history, const Stamp& now) const {
  Stamp& first = history.read;
  Stamp& second = history.other_read;
  if (first.block != now.block) {
    if (first.block >= first_block_) history.foreign_read = first;
    first = now;
    second = {};
    return;
  }
  if (first.barriers != now.barriers || first.thread == now.thread) {
    first = now;
    return;
  }
  const bool second_is_current = second.block == now.block && second.barriers == now.barriers;
  if (!second_is_current || second.thread == now.thread || second.thread / 32 == first.thread / 32) second = now;
}

bool Checks::ordered(const Stamp& earlier, const Thread& thread, std::uint32_t block, bool shared) const {
  if (earlier.block < first_block_ || earlier.block == 0) return true;
  if (earlier.block != block)
    return shared;  // blocks of a launch are never ordered, but each has its own shared memory
  if (earlier.thread == thread.rank() || earlier.barriers < thread.barriers) return true;
  return earlier.thread / 32u == thread.warp &&
         clocks_.has_seen(thread.warp, thread.lane, earlier.thread % 32u, earlier.clock);
}

void Checks::check_race(const Worker& worker, const Access& access, Cell cell, const Stamp& earlier,
                        bool earlier_writes, std::uint8_t mask) {
  if ((earlier.bytes & mask) == 0 || (earlier.atomic && access.kind == AccessKind::kAtomic)) return;
  const Thread& thread = *worker.current();
  const auto block = std::uint32_t(worker.block_serial());
  if (ordered(earlier, thread, block, access.shared)) return;
  if (!is_new(Tool::kRacecheck, access.site, earlier.site, earlier_writes)) return;
  const char* hazard = !is_write(access.kind) ? "RAW" : earlier_writes ? "WAW" : "WAR";
  const char* earlier_kind = earlier.atomic ? "Atomic" : earlier_writes ? "Write" : "Read";
  const std::string here = site_text(access.site);
  const char* address =
      access.begin + (std::ptrdiff_t(cell) - std::ptrdiff_t(cell_of(access.begin))) * std::ptrdiff_t(kCellBytes);
  add_report(Tool::kRacecheck,
             std::string("Race reported between ") + earlier_kind + " access at " + site_text(earlier.site) + " and " +
                 access_name(access.kind) + " access at " + here,
             here,
             {std::string(hazard) + " hazard at " + space_name(access) + " memory, " +
                  describe(worker, access, std::max(address, access.begin)),
              "earlier access by thread " + std::to_string(earlier.thread) +
                  (earlier.block == block ? " of the same block" : " of another block") + ", this one by thread " +
                  std::to_string(thread.rank())});
}

}  // namespace emu
