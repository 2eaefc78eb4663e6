#pragma once
/// Caching allocators, one for each device: freed blocks are kept by size and handed out again, so that a training step
/// allocates from the system only the first time.
///
/// On a device with streams a block belongs to the stream that was current when it was handed out. It may be freed
/// while work that uses it is still queued, because the next owner's work is queued behind it on the same stream; a
/// block is never handed to another stream. Work on other streams is made known with `record_use`.
///
/// Threads: one allocator serves all of them, and its figures are those of the process. What one run among several asks
/// for is counted by a MemoryScope.

#include <cstddef>
#include <cstdint>
#include <memory>

#include "engine/device.h"

namespace engram {

/// Figures in bytes. Live figures count requests rounded up, whatever block serves them, so they repeat exactly.
struct AllocatorStats {
  std::int64_t live_bytes = 0;       ///< handed out and not returned
  std::int64_t peak_live_bytes = 0;  ///< highest live_bytes since the last reset_peak
  std::int64_t cached_bytes = 0;     ///< kept for reuse
  std::int64_t num_requests = 0;
  std::int64_t num_system_allocations = 0;
};

/// The allocator of one device. Thread-safe.
class CachingAllocator {
 public:
  static CachingAllocator& cpu();
  static CachingAllocator& of(const Device& device);

  /// Memory of at least `bytes`, aligned to 64 bytes (256 on other devices than the CPU), not initialised. Throws
  /// OutOfMemory, which states the request, what is live and cached, and the limit.
  void* allocate(std::size_t bytes);
  /// Returns a block of `allocate`.
  void deallocate(void* block) noexcept;
  /// Says that work on a stream other than the block's own uses it: its memory is not handed out again before that work
  /// has run.
  void record_use(void* block, kernels::Stream stream);

  AllocatorStats stats() const;
  /// Restarts the peak at the current live figure.
  void reset_peak();
  /// Highest sum of live and cached bytes; 0 means no limit (the default).
  void set_limit(std::int64_t bytes);
  /// Gives all cached blocks back to the system.
  void release_cache();
  /// Fills every block with NaN (as f32) before it is handed out: tests use it to find reads of memory nobody wrote.
  void set_poison(bool on);
  /// Makes the request number `countdown` from now on (1: the next) fail as if there were no memory; 0 switches it off.
  void fail_request(std::int64_t countdown);

  /// From here on the calling thread's blocks come from and go to a pool of their own, until `end_pool`; other requests
  /// never get them. For work that is captured in a graph and holds their addresses. Returns the pool.
  std::int64_t begin_pool();
  /// Goes on with an earlier pool.
  void resume_pool(std::int64_t pool);
  void end_pool();
  /// Ends a pool for good: its free blocks go back to the system, the others when they are freed.
  void release_pool(std::int64_t pool);

 private:
  friend class MemoryScope;
  struct State;
  struct Tally;
  explicit CachingAllocator(const Device& device);
  State* state_;
};

/// Counts what the calling thread asks of a device's allocator while it lives, until it is freed on any thread: the
/// memory of one run beside others in the process, which a limit can bound. A scope within another counts for both. To
/// be destroyed by the thread that made it, the inner one first.
class MemoryScope {
 public:
  /// A request that would take the scope's live bytes above `limit` throws OutOfMemory, whatever other scopes hold;
  /// where it would do so together with all cached bytes, the cache is given back first. 0: no limit.
  explicit MemoryScope(const Device& device, std::int64_t limit = 0);
  ~MemoryScope();
  MemoryScope(const MemoryScope&) = delete;

  /// Live and peak bytes and requests of this scope; the other figures are 0, as the cache belongs to all.
  AllocatorStats stats() const;
  /// Those of the calling thread's innermost scope; the figures of the allocator where there is none.
  static AllocatorStats stats_here(const Device& device);
  /// Restarts the peak at the current live figure.
  void reset_peak();

 private:
  CachingAllocator& allocator_;
  std::shared_ptr<CachingAllocator::Tally> tally_;
};

}  // namespace engram
