#include "engine/allocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>
#include <vector>

#include "kernels/common/error.h"

namespace engram {
namespace {

constexpr std::size_t kSmallStep = 512;
constexpr std::size_t kLargeStep = 64 * 1024;
constexpr std::size_t kLargeFrom = 1024 * 1024;
constexpr std::size_t kHugePage = 2 * 1024 * 1024;

std::size_t block_size(std::size_t bytes) {
  const std::size_t step = bytes < kLargeFrom ? kSmallStep : kLargeStep;
  return std::max(step, (bytes + step - 1) / step * step);
}

void* system_allocate(std::size_t size) {
  void* block = nullptr;
  const std::size_t alignment = size >= kHugePage ? kHugePage : 64;
  if (posix_memalign(&block, alignment, size) != 0) return nullptr;
  // Page faults of 4 KiB pages cost more than the first pass over a large tensor.
  if (size >= kHugePage) madvise(block, size, MADV_HUGEPAGE);
  return block;
}

}  // namespace

struct CachingAllocator::State {
  mutable std::mutex mutex;
  std::multimap<std::size_t, void*> free_blocks;  // by size
  struct Live {
    std::size_t asked, actual;  // a reused block may be larger than its request
  };
  std::map<void*, Live> live_sizes;
  AllocatorStats stats;
  std::int64_t limit = 0;
  bool poison = false;

  void release_cache() {
    for (auto& [size, block] : free_blocks) std::free(block);
    free_blocks.clear();
    stats.cached_bytes = 0;
  }

  /// A cached block of at least `size` and, for large ones, at most a quarter more; or null.
  void* take_cached(std::size_t size, std::size_t& actual) {
    auto it = free_blocks.lower_bound(size);
    const std::size_t most = size < kLargeFrom ? size : size + size / 4;
    if (it == free_blocks.end() || it->first > most) return nullptr;
    void* block = it->second;
    actual = it->first;
    stats.cached_bytes -= std::int64_t(actual);
    free_blocks.erase(it);
    return block;
  }

  bool over_limit(std::size_t size) const {
    return limit > 0 && stats.live_bytes + stats.cached_bytes + std::int64_t(size) > limit;
  }
};

// Never destroyed: tensors in static storage may be freed after any destructor would have run.
CachingAllocator::CachingAllocator() : state_(new State) {}

CachingAllocator& CachingAllocator::cpu() {
  static CachingAllocator allocator;
  return allocator;
}

void* CachingAllocator::allocate(std::size_t bytes) {
  const std::size_t size = block_size(bytes);
  std::lock_guard lock(state_->mutex);
  State& s = *state_;
  ++s.stats.num_requests;
  std::size_t actual = size;
  void* block = s.take_cached(size, actual);
  if (!block) {
    if (s.over_limit(size)) s.release_cache();
    if (!s.over_limit(size)) block = system_allocate(size);
    if (!block && !s.free_blocks.empty()) {
      s.release_cache();
      block = system_allocate(size);
    }
    if (!block)
      throw OutOfMemory(message("[allocate] expected ", size, " bytes of cpu memory, got none: live ",
                                s.stats.live_bytes, " bytes, limit ",
                                s.limit ? std::to_string(s.limit) : std::string("none")));
    ++s.stats.num_system_allocations;
  }
  s.live_sizes[block] = {size, actual};
  s.stats.live_bytes += std::int64_t(size);
  s.stats.peak_live_bytes = std::max(s.stats.peak_live_bytes, s.stats.live_bytes);
  if (s.poison)
    std::fill_n(static_cast<float*>(block), actual / sizeof(float), std::numeric_limits<float>::quiet_NaN());
  return block;
}

void CachingAllocator::deallocate(void* block) noexcept {
  if (!block) return;
  std::lock_guard lock(state_->mutex);
  State& s = *state_;
  auto it = s.live_sizes.find(block);
  if (it == s.live_sizes.end()) return;
  s.stats.live_bytes -= std::int64_t(it->second.asked);
  s.stats.cached_bytes += std::int64_t(it->second.actual);
  s.free_blocks.emplace(it->second.actual, block);
  s.live_sizes.erase(it);
}

AllocatorStats CachingAllocator::stats() const {
  std::lock_guard lock(state_->mutex);
  return state_->stats;
}

void CachingAllocator::reset_peak() {
  std::lock_guard lock(state_->mutex);
  state_->stats.peak_live_bytes = state_->stats.live_bytes;
}

void CachingAllocator::set_limit(std::int64_t bytes) {
  std::lock_guard lock(state_->mutex);
  state_->limit = bytes;
}

void CachingAllocator::release_cache() {
  std::lock_guard lock(state_->mutex);
  state_->release_cache();
}

void CachingAllocator::set_poison(bool on) {
  std::lock_guard lock(state_->mutex);
  state_->poison = on;
}

}  // namespace engram
