#include "engine/allocator.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <limits>
#include <map>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "engine/backend.h"
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

void* host_allocate(std::size_t size) {
  void* block = nullptr;
  const std::size_t alignment = size >= kHugePage ? kHugePage : 64;
  if (posix_memalign(&block, alignment, size) != 0) return nullptr;
  // Page faults of 4 KiB pages cost more than the first pass over a large tensor.
  if (size >= kHugePage) madvise(block, size, MADV_HUGEPAGE);
  return block;
}

/// Who may be handed a free block: work on one stream, and of that the replays of one graph or all else.
struct Owner {
  void* stream = nullptr;
  std::int64_t pool = 0;
  auto operator<=>(const Owner&) const = default;
};

constexpr std::size_t kMostBytes = std::size_t{1} << 47;  // more than any address space holds

}  // namespace

/// What a MemoryScope counts; the outer scope of the same thread and device counts too.
struct CachingAllocator::Tally {
  Tally(std::shared_ptr<Tally> outer_scope, std::int64_t most) : outer(std::move(outer_scope)), limit(most) {}

  std::shared_ptr<Tally> outer;
  std::int64_t limit;  // of live bytes; 0: none
  AllocatorStats stats = {};

  void add(std::int64_t bytes) {
    for (Tally* tally = this; tally; tally = tally->outer.get()) {
      ++tally->stats.num_requests;
      tally->stats.live_bytes += bytes;
      tally->stats.peak_live_bytes = std::max(tally->stats.peak_live_bytes, tally->stats.live_bytes);
    }
  }
  void remove(std::int64_t bytes) {
    for (Tally* tally = this; tally; tally = tally->outer.get()) tally->stats.live_bytes -= bytes;
  }
  /// The innermost scope whose limit does not admit so many bytes more, or null.
  const Tally* refusing(std::int64_t bytes) const {
    const Tally* tally = this;
    while (tally && (tally->limit == 0 || tally->stats.live_bytes + bytes <= tally->limit)) tally = tally->outer.get();
    return tally;
  }
};

struct CachingAllocator::State {
  explicit State(const Device& d) : device(d) {}

  const Device device;
  mutable std::mutex mutex;
  std::multimap<std::pair<Owner, std::size_t>, void*> free_blocks;  // by owner and size
  struct Live {
    std::size_t asked, actual;  // a reused block may be larger than its request
    Owner owner;
    std::shared_ptr<Tally> tally;
    std::vector<kernels::Stream> other_streams = {};
  };
  std::map<void*, Live> live_sizes;
  AllocatorStats stats;
  std::int64_t limit = 0, fail_countdown = 0, last_pool = 0;
  std::map<std::thread::id, std::int64_t> pools;                  // that threads draw from
  std::map<std::thread::id, std::shared_ptr<Tally>> open_scopes;  // the innermost of each thread
  std::set<std::int64_t> live_pools;
  bool poison = false;

  Owner owner_now() const {
    if (device.is_cpu()) return {};
    const auto found = pools.find(std::this_thread::get_id());
    return {current_stream(device).handle, found == pools.end() ? 0 : found->second};
  }

  void* system_allocate(std::size_t size) {
    return device.is_cpu() ? host_allocate(size) : device_api(device).allocate(size);
  }

  void system_free(void* block) {
    if (device.is_cpu())
      std::free(block);
    else
      device_api(device).deallocate(block);
  }

  /// Frees the cached blocks that `chosen` takes.
  template <class Choose>
  void release(const Choose& chosen) {
    for (auto it = free_blocks.begin(); it != free_blocks.end();) {
      if (!chosen(it->first.first)) {
        ++it;
        continue;
      }
      system_free(it->second);
      stats.cached_bytes -= std::int64_t(it->first.second);
      it = free_blocks.erase(it);
    }
  }
  /// Blocks of pools stay: graphs hold their addresses.
  void release_cache() {
    release([](const Owner& owner) { return owner.pool == 0; });
  }

  /// A cached block of at least `size` and, for large ones, at most a quarter more; or null.
  void* take_cached(const Owner& owner, std::size_t size, std::size_t& actual) {
    auto it = free_blocks.lower_bound({owner, size});
    // In a pool only equal sizes serve, so that work which ran once finds all its memory there again.
    const std::size_t most = size < kLargeFrom || owner.pool ? size : size + size / 4;
    if (it == free_blocks.end() || it->first.first != owner || it->first.second > most) return nullptr;
    void* block = it->second;
    actual = it->first.second;
    stats.cached_bytes -= std::int64_t(actual);
    free_blocks.erase(it);
    return block;
  }

  bool over_limit(std::size_t size) const {
    return limit > 0 && stats.live_bytes + stats.cached_bytes + std::int64_t(size) > limit;
  }

  /// A block from the system, after giving the cache back where that helps; or null.
  void* take_new(std::size_t size, const Tally* tally) {
    if (over_limit(size) || (tally && tally->refusing(stats.cached_bytes + std::int64_t(size)))) release_cache();
    void* block = over_limit(size) ? nullptr : system_allocate(size);
    if (block || free_blocks.empty()) return block;
    release_cache();
    return over_limit(size) ? nullptr : system_allocate(size);
  }

  std::shared_ptr<Tally> tally_now() const {
    const auto found = open_scopes.find(std::this_thread::get_id());
    return found == open_scopes.end() ? nullptr : found->second;
  }

  std::string refusal(std::size_t size, const Tally* scope = nullptr) const {
    const std::int64_t most = scope ? scope->limit : limit;
    return message("[allocate] expected ", size, " bytes of ", to_string(device), " memory, got none: live ",
                   (scope ? scope->stats : stats).live_bytes, " bytes, cached ", stats.cached_bytes, " bytes, limit ",
                   most ? std::to_string(most) : std::string("none"));
  }

  void fill_with_nan(void* block, std::size_t size) {
    if (device.is_cpu())
      std::fill_n(static_cast<float*>(block), size / sizeof(float), std::numeric_limits<float>::quiet_NaN());
    else
      device_api(device).fill_bytes(current_stream(device), block, 0xff, size);  // all ones is a NaN
  }

  /// Lets the block's own stream wait for the work of the other streams that used it.
  void join_other_streams(const Live& live) {
    const kernels::DeviceApi& api = device_api(device);
    const kernels::Stream own{live.owner.stream};
    for (const kernels::Stream stream : live.other_streams) {
      const kernels::Event done = api.create_event(false);
      api.record_event(done, stream);
      api.wait_event(own, done);
      api.destroy_event(done);
    }
  }
};

// Never destroyed: tensors in static storage may be freed after any destructor would have run.
CachingAllocator::CachingAllocator(const Device& device) : state_(new State(device)) {}

CachingAllocator& CachingAllocator::cpu() {
  static CachingAllocator allocator{Device{}};
  return allocator;
}

CachingAllocator& CachingAllocator::of(const Device& device) {
  if (device.is_cpu()) return cpu();
  static std::mutex mutex;
  static auto& allocators = *new std::map<std::pair<DeviceType, int>, CachingAllocator*>;
  const std::lock_guard lock(mutex);
  CachingAllocator*& allocator = allocators[{device.type, device.index}];
  if (!allocator) allocator = new CachingAllocator(device);
  return *allocator;
}

void* CachingAllocator::allocate(std::size_t bytes) {
  std::lock_guard lock(state_->mutex);
  State& s = *state_;
  if (bytes > kMostBytes) throw OutOfMemory(s.refusal(bytes));
  const std::size_t size = block_size(bytes);
  ++s.stats.num_requests;
  if (s.fail_countdown > 0 && --s.fail_countdown == 0) throw OutOfMemory(s.refusal(size) + " (failure injected)");
  const std::shared_ptr<Tally> tally = s.tally_now();
  const Tally* const full = tally ? tally->refusing(std::int64_t(size)) : nullptr;
  if (full) throw OutOfMemory(s.refusal(size, full));
  const Owner owner = s.owner_now();
  std::size_t actual = size;
  void* block = s.take_cached(owner, size, actual);
  if (!block) {
    block = s.take_new(size, tally.get());
    if (!block) throw OutOfMemory(s.refusal(size));
    ++s.stats.num_system_allocations;
  }
  if (tally) tally->add(std::int64_t(size));
  s.live_sizes[block] = {size, actual, owner, tally};
  s.stats.live_bytes += std::int64_t(size);
  s.stats.peak_live_bytes = std::max(s.stats.peak_live_bytes, s.stats.live_bytes);
  if (s.poison) s.fill_with_nan(block, actual);
  return block;
}

void CachingAllocator::deallocate(void* block) noexcept {
  if (!block) return;
  std::lock_guard lock(state_->mutex);
  State& s = *state_;
  auto it = s.live_sizes.find(block);
  if (it == s.live_sizes.end()) return;
  s.stats.live_bytes -= std::int64_t(it->second.asked);
  if (it->second.tally) it->second.tally->remove(std::int64_t(it->second.asked));
  bool safe = true;
  if (!it->second.other_streams.empty()) {
    try {
      s.join_other_streams(it->second);
    } catch (const std::exception&) {  // the device has failed; the next call on it says so
      safe = false;
    }
  }
  const Owner owner = it->second.owner;
  if (safe && owner.pool && !s.live_pools.count(owner.pool)) {
    s.system_free(block);
  } else if (safe) {
    try {
      s.free_blocks.emplace(std::pair(owner, it->second.actual), block);
      s.stats.cached_bytes += std::int64_t(it->second.actual);
    } catch (const std::bad_alloc&) {  // no memory to remember it by
      s.system_free(block);
    }
  }
  s.live_sizes.erase(it);
}

void CachingAllocator::record_use(void* block, kernels::Stream stream) {
  std::lock_guard lock(state_->mutex);
  auto it = state_->live_sizes.find(block);
  if (it == state_->live_sizes.end() || it->second.owner.stream == stream.handle) return;
  auto& others = it->second.other_streams;
  if (std::none_of(others.begin(), others.end(), [&](kernels::Stream s) { return s.handle == stream.handle; }))
    others.push_back(stream);
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

void CachingAllocator::fail_request(std::int64_t countdown) {
  std::lock_guard lock(state_->mutex);
  state_->fail_countdown = countdown;
}

std::int64_t CachingAllocator::begin_pool() {
  std::lock_guard lock(state_->mutex);
  state_->live_pools.insert(++state_->last_pool);
  return state_->pools[std::this_thread::get_id()] = state_->last_pool;
}

void CachingAllocator::resume_pool(std::int64_t pool) {
  std::lock_guard lock(state_->mutex);
  state_->pools[std::this_thread::get_id()] = pool;
}

void CachingAllocator::end_pool() {
  std::lock_guard lock(state_->mutex);
  state_->pools.erase(std::this_thread::get_id());
}

void CachingAllocator::release_pool(std::int64_t pool) {
  std::lock_guard lock(state_->mutex);
  state_->live_pools.erase(pool);
  state_->release([pool](const Owner& owner) { return owner.pool == pool; });
}

MemoryScope::MemoryScope(const Device& device, std::int64_t limit) : allocator_(CachingAllocator::of(device)) {
  CachingAllocator::State& s = *allocator_.state_;
  std::lock_guard lock(s.mutex);
  tally_ = std::make_shared<CachingAllocator::Tally>(s.tally_now(), limit);
  s.open_scopes[std::this_thread::get_id()] = tally_;
}

MemoryScope::~MemoryScope() {
  CachingAllocator::State& s = *allocator_.state_;
  std::lock_guard lock(s.mutex);
  if (tally_->outer)
    s.open_scopes[std::this_thread::get_id()] = tally_->outer;
  else
    s.open_scopes.erase(std::this_thread::get_id());
}

AllocatorStats MemoryScope::stats() const {
  std::lock_guard lock(allocator_.state_->mutex);
  return tally_->stats;
}

AllocatorStats MemoryScope::stats_here(const Device& device) {
  const CachingAllocator::State& s = *CachingAllocator::of(device).state_;
  std::lock_guard lock(s.mutex);
  const auto tally = s.tally_now();
  return tally ? tally->stats : s.stats;
}

void MemoryScope::reset_peak() {
  std::lock_guard lock(allocator_.state_->mutex);
  tally_->stats.peak_live_bytes = tally_->stats.live_bytes;
}

}  // namespace engram
