/// The functions that -fsanitize=thread makes instrumented code call, in place of the thread sanitizer's own library.

#include <cstdint>
#include <cstring>

#include "emulator/checker/instrumentation.h"

namespace {

using emu::AccessKind;

void* range_copy(void* to, const void* from, std::size_t bytes, const void* pc) {
  emu::instrumented_access(from, bytes, AccessKind::kRead, false, pc);
  emu::instrumented_access(to, bytes, AccessKind::kWrite, false, pc);
  return std::memmove(to, from, bytes);
}

}  // namespace

#define CALLER __builtin_return_address(0)

#define ACCESS_HOOKS(bytes)                                                \
  void __tsan_read##bytes(void* p) {                                       \
    emu::instrumented_access(p, bytes, AccessKind::kRead, true, CALLER);   \
  }                                                                        \
  void __tsan_write##bytes(void* p) {                                      \
    emu::instrumented_access(p, bytes, AccessKind::kWrite, true, CALLER);  \
  }                                                                        \
  void __tsan_unaligned_read##bytes(void* p) {                             \
    emu::instrumented_access(p, bytes, AccessKind::kRead, false, CALLER);  \
  }                                                                        \
  void __tsan_unaligned_write##bytes(void* p) {                            \
    emu::instrumented_access(p, bytes, AccessKind::kWrite, false, CALLER); \
  }                                                                        \
  void __tsan_volatile_read##bytes(void* p) {                              \
    emu::instrumented_access(p, bytes, AccessKind::kRead, true, CALLER);   \
  }                                                                        \
  void __tsan_volatile_write##bytes(void* p) {                             \
    emu::instrumented_access(p, bytes, AccessKind::kWrite, true, CALLER);  \
  }                                                                        \
  void __tsan_read_write##bytes(void* p) {                                 \
    emu::instrumented_access(p, bytes, AccessKind::kRead, true, CALLER);   \
    emu::instrumented_access(p, bytes, AccessKind::kWrite, true, CALLER);  \
  }

// Atomics of host code in kernel files, and those that Clang instruments in the dialect all the same: plain
// pass-through.
#define ATOMIC_HOOKS(bits)                                                                                           \
  std::uint##bits##_t __tsan_atomic##bits##_load(const volatile std::uint##bits##_t* p, int) {                       \
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                                                     \
  }                                                                                                                  \
  void __tsan_atomic##bits##_store(volatile std::uint##bits##_t* p, std::uint##bits##_t v, int) {                    \
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                                                        \
  }                                                                                                                  \
  std::uint##bits##_t __tsan_atomic##bits##_exchange(volatile std::uint##bits##_t* p, std::uint##bits##_t v, int) {  \
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                                              \
  }                                                                                                                  \
  std::uint##bits##_t __tsan_atomic##bits##_fetch_add(volatile std::uint##bits##_t* p, std::uint##bits##_t v, int) { \
    return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);                                                               \
  }                                                                                                                  \
  std::uint##bits##_t __tsan_atomic##bits##_fetch_sub(volatile std::uint##bits##_t* p, std::uint##bits##_t v, int) { \
    return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST);                                                               \
  }                                                                                                                  \
  std::uint##bits##_t __tsan_atomic##bits##_fetch_or(volatile std::uint##bits##_t* p, std::uint##bits##_t v, int) {  \
    return __atomic_fetch_or(p, v, __ATOMIC_SEQ_CST);                                                                \
  }                                                                                                                  \
  std::uint##bits##_t __tsan_atomic##bits##_fetch_and(volatile std::uint##bits##_t* p, std::uint##bits##_t v, int) { \
    return __atomic_fetch_and(p, v, __ATOMIC_SEQ_CST);                                                               \
  }                                                                                                                  \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile std::uint##bits##_t* p, std::uint##bits##_t* expected,  \
                                                    std::uint##bits##_t v, int, int) {                               \
    return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                   \
  }                                                                                                                  \
  std::uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                                                    \
      volatile std::uint##bits##_t* p, std::uint##bits##_t expected, std::uint##bits##_t v, int, int) {              \
    __atomic_compare_exchange_n(p, &expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                         \
    return expected;                                                                                                 \
  }                                                                                                                  \
  std::uint##bits##_t __tsan_atomic##bits##_fetch_xor(volatile std::uint##bits##_t* p, std::uint##bits##_t v, int) { \
    return __atomic_fetch_xor(p, v, __ATOMIC_SEQ_CST);                                                               \
  }                                                                                                                  \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile std::uint##bits##_t* p, std::uint##bits##_t* expected,    \
                                                  std::uint##bits##_t v, int, int) {                                 \
    return __atomic_compare_exchange_n(p, expected, v, true, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                    \
  }

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}

ACCESS_HOOKS(1)
ACCESS_HOOKS(2)
ACCESS_HOOKS(4)
ACCESS_HOOKS(8)
ACCESS_HOOKS(16)

void __tsan_read_range(void* p, unsigned long bytes) {
  emu::instrumented_access(p, bytes, AccessKind::kRead, false, CALLER);
}
void __tsan_write_range(void* p, unsigned long bytes) {
  emu::instrumented_access(p, bytes, AccessKind::kWrite, false, CALLER);
}
void* __tsan_memcpy(void* to, const void* from, unsigned long bytes) {
  return range_copy(to, from, bytes, CALLER);
}
void* __tsan_memmove(void* to, const void* from, unsigned long bytes) {
  return range_copy(to, from, bytes, CALLER);
}
void* __tsan_memset(void* p, int value, unsigned long bytes) {
  emu::instrumented_access(p, bytes, AccessKind::kWrite, false, CALLER);
  return std::memset(p, value, bytes);
}

ATOMIC_HOOKS(8)
ATOMIC_HOOKS(16)
ATOMIC_HOOKS(32)
ATOMIC_HOOKS(64)

void __tsan_atomic_thread_fence(int) {
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}
void __tsan_atomic_signal_fence(int) {}

}  // extern "C"
