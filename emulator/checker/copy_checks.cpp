/// What Checks knows of asynchronous copies. At the issue the target is written and uninitialised; until the wait
/// nobody may touch it, nor write the source; at the wait the issuing thread writes the target.

#include "emulator/checker/checks.h"

namespace emu {
namespace {

bool same_access(const Stamp& a, const Stamp& b) {
  return a.block == b.block && a.thread == b.thread && a.site == b.site && a.barriers == b.barriers &&
         a.clock == b.clock;
}

// Calls body(target cell, source cell or null) for each four bytes of the copy.
template <class Body>
void for_each_cell(const AsyncCopy& copy, const Body& body) {
  for (unsigned i = 0; i < copy.bytes; i += unsigned(kCellBytes)) {
    const Cell source = cell_of(copy.from + i);
    body(cell_of(copy.to + i), i < copy.valid && is_emulated(copy.from) ? &source : nullptr);
  }
}

}  // namespace

void Checks::begin_copy(const Worker& worker, const AsyncCopy& copy) {
  const SiteId site = site_of_line(copy.place);
  for_each_cell(copy, [&](Cell target, const Cell* source) {
    PendingCell pending{site, std::uint16_t(worker.current()->rank()), false, source != nullptr, {}};
    if (source) pending.source_write = history_of(*source).write;
    pending_.put(target, pending);
  });
  set_state(copy.to, copy.bytes, true, false);
}

void Checks::end_copy(const Worker& worker, const AsyncCopy& copy) {
  for_each_cell(copy, [&](Cell target, const Cell* source) {
    const PendingCell* pending = pending_.find(target);
    if (pending == nullptr) return;
    if (source && pending->copied) check_source(copy, pending->source_write, history_of(*source).write);
    history_of(target).write = stamp_of(worker, pending->site, 0xf, false);
    pending_.erase(target);
  });
  set_initialised(copy.to, copy.bytes);
}

void Checks::check_source(const AsyncCopy& copy, const Stamp& at_issue, const Stamp& now) {
  const SiteId site = site_of_line(copy.place);
  if (same_access(at_issue, now) || !is_new(Tool::kRacecheck, site, now.site, 4)) return;
  const std::string here = site_text(site);
  add_report(
      Tool::kRacecheck,
      "Race reported between asynchronous copy at " + here + " and Write access at " + site_text(now.site), here,
      {"WAR hazard: the source was written by thread " + std::to_string(now.thread) + " before the copy's wait"});
}

// An access to the target of a copy that is under way.
void Checks::report_under_way(const Worker& worker, const Access& access, PendingCell& pending) {
  pending.touched |= !is_write(access.kind);
  if (!is_new(Tool::kRacecheck, access.site, pending.site, 3)) return;
  const std::string here = site_text(access.site);
  add_report(Tool::kRacecheck,
             "Race reported between asynchronous copy at " + site_text(pending.site) + " and " +
                 access_name(access.kind) + " access at " + here,
             here,
             {describe_shared(worker, access.begin), "the copy by thread " + std::to_string(pending.thread) +
                                                         " is under way: it has not waited for its group"});
}

void Checks::abandon_copy(const AsyncCopy& copy) {
  bool touched = false;
  for_each_cell(copy, [&](Cell target, const Cell*) {
    const PendingCell* pending = pending_.find(target);
    touched |= pending != nullptr && pending->touched;
  });
  if (!touched || !is_new(Tool::kSynccheck, site_of_line(copy.place), 0, 0)) return;
  add_report(Tool::kSynccheck, "Thread ends with an asynchronous copy under way", short_place(copy.place),
             {"its data were read, but the thread never waited for its group, or never committed it"});
}

}  // namespace emu
