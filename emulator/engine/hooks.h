#pragma once
/// Where the checker and the counters attach. The engine works without them.

#include <cstddef>
#include <cstdint>
#include <string>

#include "emulator/dialect/warp.h"
#include "emulator/engine/async_copy.h"
#include "emulator/launch.h"
#include "emulator/source_location.h"

namespace emu {

class Worker;

/// kMatrixRead: a row of ldmatrix; kCopyRead and kCopyWrite: the two ends of an asynchronous copy.
enum class AccessKind : std::uint8_t { kRead, kWrite, kAtomic, kMatrixRead, kCopyRead, kCopyWrite };

constexpr bool is_write(AccessKind kind) {
  return kind == AccessKind::kWrite || kind == AccessKind::kAtomic || kind == AccessKind::kCopyWrite;
}

/// Functions that may be null.
struct Hooks {
  void (*launch_begins)(const Launch&) = nullptr;
  void (*launch_ends)(const Launch&) = nullptr;
  void (*block_begins)(Worker&) = nullptr;
  void (*block_ends)(Worker&) = nullptr;
  /// A block barrier released its threads.
  void (*barrier_passed)(Worker&) = nullptr;
  /// `lanes` of the warp completed an operation.
  void (*warp_operation_passed)(Worker&, unsigned warp, std::uint32_t lanes, WarpOp op) = nullptr;
  /// The running thread began an asynchronous copy; its wait ended one; it ended with one under way.
  void (*copy_issued)(Worker&, const AsyncCopy&) = nullptr;
  void (*copy_arrived)(Worker&, const AsyncCopy&) = nullptr;
  void (*copy_abandoned)(Worker&, const AsyncCopy&) = nullptr;
  /// An access by the running thread, named by `caller` or, where that is not set, by `pc`, the return address into
  /// kernel code.
  void (*access)(const void* p, std::size_t bytes, AccessKind kind, const void* pc, SourceLocation caller) = nullptr;
  /// Source of device and shared memory (instead of the C library).
  void* (*allocate)(std::size_t bytes) = nullptr;
  void (*deallocate)(void* p, std::size_t bytes) = nullptr;
  /// A range may be accessed from now on, contents uninitialised; or may not any more.
  void (*allocated)(const void* p, std::size_t bytes, const char* name) = nullptr;
  void (*released)(const void* p, std::size_t bytes) = nullptr;
  void (*shared_allocated)(const void* p, std::size_t bytes) = nullptr;
  void (*host_reads)(const void* p, std::size_t bytes) = nullptr;
  void (*host_writes)(const void* p, std::size_t bytes) = nullptr;
  void (*host_copies)(const void* to, const void* from, std::size_t bytes) = nullptr;
};

Hooks& hooks();

/// Number that no other block has had.
std::uint64_t next_block_serial();

/// "file:12", without folders.
std::string short_place(SourceLocation location);

}  // namespace emu
