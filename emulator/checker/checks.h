#pragma once
/// memcheck, initcheck and racecheck of one access to emulated memory.

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_set>

#include "emulator/checker/pending_copies.h"
#include "emulator/checker/shadow.h"
#include "emulator/checker/sites.h"
#include "emulator/checker/warp_clocks.h"
#include "emulator/emulator.h"
#include "emulator/engine/hooks.h"
#include "emulator/engine/worker.h"

namespace emu {

/// An access by the running thread to emulated memory.
struct Access {
  const char* begin;
  std::size_t bytes;
  AccessKind kind;
  bool aligned;
  bool shared;
  SiteId site;
};

/// Checks accesses of one launch at a time; findings become reports, each pair of program points once a launch.
class Checks {
 public:
  void begin_launch();
  void begin_block(Worker& worker);
  void synchronise_lanes(unsigned warp, std::uint32_t lanes) { clocks_.synchronise(warp, lanes); }

  /// Returns false if the access was out of bounds or misaligned.
  bool check(const Worker& worker, const Access& access);
  /// An access to memory that is no device memory at all.
  void report_foreign(const Access& access, const char* whose);

  /// Asynchronous copies of the running thread (their accesses are checked by themselves, before begin_copy): issued,
  /// ended by its wait, under way when it ended.
  void begin_copy(const Worker& worker, const AsyncCopy& copy);
  void end_copy(const Worker& worker, const AsyncCopy& copy);
  void abandon_copy(const AsyncCopy& copy);

 private:
  bool is_new(Tool tool, SiteId site, SiteId other, int variant);
  void report_invalid(const Worker& worker, const Access& access, const char* address, const char* why);
  void report_uninitialised(const Worker& worker, const Access& access);
  void check_cell(const Worker& worker, const Access& access, Cell cell, std::uint8_t mask);
  void check_race(const Worker& worker, const Access& access, Cell cell, const Stamp& earlier, bool earlier_writes,
                  std::uint8_t mask);
  bool ordered(const Stamp& earlier, const Thread& thread, std::uint32_t block, bool shared) const;
  Stamp stamp_of(const Worker& worker, SiteId site, std::uint8_t bytes, bool atomic) const;
  void check_source(const AsyncCopy& copy, const Stamp& at_issue, const Stamp& now);
  void report_under_way(const Worker& worker, const Access& access, PendingCell& pending);
  void remember_read(History& history, const Stamp& now) const;

  WarpClocks clocks_;
  PendingCopies pending_;
  std::uint32_t first_block_ = 0;
  std::unordered_set<std::uint64_t> seen_;
};

/// "Read", "Write", "Atomic", ...
const char* access_name(AccessKind kind);

/// Where a shared address lies: "at offset 8 of the __shared__ array 'tile' of size 256 bytes".
std::string describe_shared(const Worker& worker, const char* p);

}  // namespace emu
