/// Device memory, and accesses that are not instrumented.

#include <cstdlib>
#include <cstring>
#include <map>
#include <mutex>
#include <string>

#include "emulator/dialect/atomics.h"
#include "emulator/dialect/vector_types.h"
#include "emulator/emulator.h"
#include "emulator/engine/asan.h"
#include "emulator/engine/hooks.h"

namespace emu {
namespace {

constexpr std::size_t kAlignment = 256;

struct Allocations {
  std::mutex mutex;
  std::map<const char*, std::size_t> bytes_at;
};

Allocations& allocations() {
  static Allocations& instance = *new Allocations;
  return instance;
}

}  // namespace

// Exactly as many bytes as asked for: the red zones of the address sanitizer and of the checker begin right behind
// them.
void* allocate(std::size_t bytes, const char* name) {
  void* p = nullptr;
  if (hooks().allocate) {
    p = hooks().allocate(bytes);
  } else if (posix_memalign(&p, kAlignment, bytes ? bytes : 1) != 0) {
    p = nullptr;
  }
  if (p == nullptr) return nullptr;
  std::memset(p, 0xFF, bytes);
  {
    std::lock_guard lock(allocations().mutex);
    allocations().bytes_at[static_cast<const char*>(p)] = bytes;
  }
  if (hooks().allocated) hooks().allocated(p, bytes, name);
  return p;
}

void release(void* p) {
  if (p == nullptr) return;
  std::size_t bytes = 0;
  {
    std::lock_guard lock(allocations().mutex);
    const auto found = allocations().bytes_at.find(static_cast<const char*>(p));
    if (found == allocations().bytes_at.end()) {
      add_report(Tool::kMemcheck, "Program hit cudaErrorInvalidValue on release of a pointer that is not allocated", "",
                 {});
      return;
    }
    bytes = found->second;
    allocations().bytes_at.erase(found);
  }
  EMU_ASAN(__asan_unpoison_memory_region(p, bytes);)
  if (hooks().released) hooks().released(p, bytes);
  if (hooks().deallocate) {
    hooks().deallocate(p, bytes);
  } else {
    std::free(p);
  }
}

bool is_device_pointer(const void* p) {
  const auto* address = static_cast<const char*>(p);
  std::lock_guard lock(allocations().mutex);
  auto next = allocations().bytes_at.upper_bound(address);
  if (next == allocations().bytes_at.begin()) return false;
  --next;
  return address < next->first + next->second;
}

void mark_allocated(void* p, std::size_t bytes, const char* name) {
  EMU_ASAN(__asan_unpoison_memory_region(p, bytes);)
  std::memset(p, 0xFF, bytes);
  if (hooks().allocated) hooks().allocated(p, bytes, name);
}

void mark_released(void* p, std::size_t bytes) {
  EMU_ASAN(__asan_poison_memory_region(p, bytes);)
  if (hooks().released) hooks().released(p, bytes);
}

void copy(void* to, const void* from, std::size_t bytes) {
  if (bytes == 0) return;
  if (hooks().host_copies) hooks().host_copies(to, from, bytes);
  std::memcpy(to, from, bytes);
}

void fill(void* to, int value, std::size_t bytes) {
  if (bytes == 0) return;
  host_write(to, bytes);
  std::memset(to, value, bytes);
}

void host_read(const void* p, std::size_t bytes) {
  if (bytes != 0 && hooks().host_reads) hooks().host_reads(p, bytes);
}

void host_write(void* p, std::size_t bytes) {
  if (bytes != 0 && hooks().host_writes) hooks().host_writes(p, bytes);
}

__attribute__((noinline)) void copy_vector(void* to, const void* from, std::size_t bytes) {
  if (const auto access = hooks().access) {
    const void* pc = __builtin_return_address(0);
    // The GPU's widest access has 16 bytes.
    const std::size_t piece = bytes < 16 ? bytes : 16;
    for (std::size_t i = 0; i < bytes; i += piece) {
      access(static_cast<const char*>(from) + i, piece, AccessKind::kRead, pc, {});
      access(static_cast<char*>(to) + i, piece, AccessKind::kWrite, pc, {});
    }
  }
  std::memcpy(to, from, bytes);
}

__attribute__((noinline)) void note_atomic(const void* p, std::size_t bytes, SourceLocation caller) {
  if (const auto access = hooks().access) access(p, bytes, AccessKind::kAtomic, __builtin_return_address(0), caller);
}

}  // namespace emu
