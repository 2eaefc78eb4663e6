#pragma once
/// Caching allocator of host memory: freed blocks are kept by size and handed out again, so that a training step
/// allocates from the system only the first time.

#include <cstddef>
#include <cstdint>

namespace engram {

/// Figures in bytes. Live figures count requests rounded up, whatever block serves them, so they repeat exactly.
struct AllocatorStats {
  std::int64_t live_bytes = 0;       ///< handed out and not returned
  std::int64_t peak_live_bytes = 0;  ///< highest live_bytes since the last reset_peak
  std::int64_t cached_bytes = 0;     ///< kept for reuse
  std::int64_t num_requests = 0;
  std::int64_t num_system_allocations = 0;
};

/// The allocator of the CPU device. Thread-safe.
class CachingAllocator {
 public:
  static CachingAllocator& cpu();

  /// Memory of at least `bytes`, aligned to 64 bytes, not initialised. Throws OutOfMemory.
  void* allocate(std::size_t bytes);
  /// Returns a block of `allocate`.
  void deallocate(void* block) noexcept;

  AllocatorStats stats() const;
  /// Restarts the peak at the current live figure.
  void reset_peak();
  /// Highest sum of live and cached bytes; 0 means no limit (the default).
  void set_limit(std::int64_t bytes);
  /// Gives all cached blocks back to the system.
  void release_cache();
  /// Fills every block with NaN (as f32) before it is handed out: tests use it to find reads of memory nobody wrote.
  void set_poison(bool on);

 private:
  struct State;
  CachingAllocator();
  State* state_;
};

}  // namespace engram
