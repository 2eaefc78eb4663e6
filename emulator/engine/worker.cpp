#include "emulator/engine/worker.h"

#include <cstdlib>
#include <cstring>

#include "emulator/emulator.h"
#include "emulator/engine/asan.h"
#include "emulator/engine/hooks.h"
#include "emulator/engine/sync_points.h"

namespace emu {
namespace {

constexpr std::size_t kArenaBytes = 512 << 10;
constexpr std::size_t kRedZone = 64;

// Of the arena and of dynamic shared memory: eight rows of 128 bytes, which swizzles of the tensor cores permute.
constexpr std::size_t kSharedAlignment = 1024;

// Mostly the name of the file is the same text too, not only an equal one.
bool same_place(const SourceLocation& a, const SourceLocation& b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

}  // namespace

std::uint64_t next_random(std::uint64_t& state) {
  state ^= state << 13;
  state ^= state >> 7;
  return state ^= state << 17;
}

constinit thread_local Worker* current_worker EMU_STATIC_TLS = nullptr;

Worker::Worker() {
  constexpr std::size_t kBytes = kArenaBytes + kSharedAlignment;
  memory_ = static_cast<char*>(hooks().allocate ? hooks().allocate(kBytes) : std::malloc(kBytes));
  if (memory_ == nullptr) throw std::bad_alloc();
  arena_ = memory_ + (kSharedAlignment - std::uintptr_t(memory_) % kSharedAlignment) % kSharedAlignment;
}

Worker::~Worker() {
  EMU_ASAN(__asan_unpoison_memory_region(arena_, kArenaBytes);)
  if (hooks().deallocate) {
    hooks().deallocate(memory_, kArenaBytes + kSharedAlignment);
  } else {
    std::free(memory_);
  }
}

void Worker::begin_launch(const Launch& launch, std::size_t shared_limit) {
  EMU_ASAN(__asan_poison_memory_region(arena_, kArenaBytes);)
  launch_ = &launch;
  shared_limit_ = shared_limit;
  arrays_.clear();
  arena_used_ = shared_bytes_ = 0;
  aborted_ = false;
  gridDim = {launch.grid.x, launch.grid.y, launch.grid.z};
  blockDim = {launch.block.x, launch.block.y, launch.block.z};
  place_array(nullptr, launch.dynamic_shared_bytes, kSharedAlignment);
  const auto count = unsigned(launch.block.count());
  threads_.clear();
  threads_.resize(count);
  warps_.assign((count + 31) / 32, {});
  for (unsigned i = 0; i < count; ++i) {
    Thread& t = threads_[i];
    t.index = {i % launch.block.x, i / launch.block.x % launch.block.y, i / launch.block.x / launch.block.y};
    t.lane = std::uint8_t(i & 31);
    t.warp = std::uint16_t(i / 32);
    warps_[i / 32].exists |= 1u << (i & 31);
  }
}

// ---- fibers ----

void Worker::fiber_main() {
  Fiber::started(current_worker->scheduler_);
  for (;;) {
    const Launch& launch = *current_worker->launch_;
    launch.entry(launch.arguments.get());
    current_worker->finish_thread();
    current_worker->pause();
  }
}

void Worker::resume(Thread& thread) {
  if (!thread.fiber) {
    if (idle_fibers_.empty()) idle_fibers_.push_back(std::make_unique<Fiber>(&Worker::fiber_main));
    thread.fiber = std::move(idle_fibers_.back());
    idle_fibers_.pop_back();
  }
  thread.state = ThreadState::kRunning;
  current_ = &thread;
  threadIdx = thread.index;
  if (options().copies == Copies::kRandom) move_some_copies(thread);
  thread.fiber->enter(scheduler_);
  current_ = nullptr;
  if (thread.state == ThreadState::kStopped) thread.fiber->reset();
  if (thread.state == ThreadState::kStopped || thread.state == ThreadState::kDone) recycle(thread);
}

void Worker::pause() {
  current_->fiber->leave(scheduler_);
}

void Worker::recycle(Thread& thread) {
  idle_fibers_.push_back(std::move(thread.fiber));
}

void Worker::stop() {
  aborted_ = true;
  if (current_ == nullptr) return;
  current_->state = ThreadState::kStopped;
  pause();
}

// A thread that ends may be the one that the others wait for.
void Worker::finish_thread() {
  Thread& t = *current_;
  Warp& warp = warps_[t.warp];
  t.state = ThreadState::kDone;
  abandon_copies(t);
  warp.done |= 1u << t.lane;
  --live_;
  for (std::uint32_t rest = warp.waiting; rest != 0; rest &= rest - 1) {
    if (try_complete(warp, threads_[t.warp * 32u + unsigned(__builtin_ctz(rest))])) break;
  }
  if (live_ != 0 && at_barrier_ == live_) release_barrier();
}

// ---- blocks ----

void Worker::start_block(std::uint64_t number) {
  block_number_ = number;
  block_serial_ = next_block_serial();
  const Extent& grid = launch_->grid;
  blockIdx = {unsigned(number % grid.x), unsigned(number / grid.x % grid.y), unsigned(number / grid.x / grid.y)};
  for (const auto& array : arrays_) std::memset(array.begin, 0xFF, array.bytes);
  for (auto& t : threads_) {
    t.state = ThreadState::kReady;
    t.barriers = 0;
    t.copies.clear();
    t.copy_groups = 0;
  }
  for (auto& warp : warps_) {
    warp.ready = warp.exists;
    warp.waiting = warp.done = 0;
  }
  live_ = threads_.size();
  at_barrier_ = 0;
  exit_reported_ = false;
  copy_random_ = options().seed * 0xD1B54A32D192ED03ull + number + 1;
  if (hooks().block_begins) hooks().block_begins(*this);
}

void Worker::run_block(std::uint64_t number) {
  start_block(number);
  std::uint64_t random = options().seed * 0x9E3779B97F4A7C15ull + number + 1;
  while (live_ != 0) {
    const bool progress = run_ready_threads(random);
    if (!aborted_ && !progress) {
      report_deadlock();
      aborted_ = true;
    }
    if (aborted_) return abandon_block();
  }
  if (hooks().block_ends) hooks().block_ends(*this);
}

// One pass over the warps; false if no thread could run.
bool Worker::run_ready_threads(std::uint64_t& random) {
  const std::size_t count = warps_.size();
  bool progress = false;
  for (std::size_t i = 0; i < count && !aborted_; ++i) {
    std::size_t warp = i;
    if (options().order == Order::kReverse) warp = count - 1 - i;
    if (options().order == Order::kRandom) warp = next_random(random) % count;
    progress |= run_warp(warp, random);
  }
  // The random choice may have missed every warp that is ready.
  for (std::size_t i = 0; i < count && !progress && !aborted_; ++i) progress = run_warp(i, random);
  return progress;
}

bool Worker::run_warp(std::size_t index, std::uint64_t& random) {
  Warp& warp = warps_[index];
  bool progress = false;
  while (warp.ready != 0 && !aborted_) {
    int lane = __builtin_ctz(warp.ready);
    if (options().order == Order::kReverse) lane = 31 - __builtin_clz(warp.ready);
    if (options().order == Order::kRandom) {
      lane = int(next_random(random) & 31);
      while (!(warp.ready >> lane & 1)) lane = (lane + 1) & 31;
    }
    warp.ready &= ~(1u << lane);
    progress = true;
    resume(threads_[index * 32 + std::size_t(lane)]);
    // Leaving the warp early now and then interleaves the warps too.
    if (options().order == Order::kRandom && (next_random(random) & 7) == 0) break;
  }
  return progress;
}

void Worker::report_deadlock() {
  std::vector<std::string> details;
  std::size_t waiting = 0;
  std::string place;
  for (const auto& t : threads_) {
    const bool at_barrier = t.state == ThreadState::kAtBarrier;
    if (!at_barrier && t.state != ThreadState::kAtWarpOperation) continue;
    if (waiting == 0) place = short_place(t.location);
    if (waiting++ < 3) {
      details.push_back("thread " + std::to_string(t.rank()) + " waits at the " +
                        (at_barrier ? "block barrier " : "warp operation ") + short_place(t.location));
    }
  }
  details.push_back(std::to_string(waiting) + " thread(s) wait, " + std::to_string(threads_.size() - live_) +
                    " exited, block " + std::to_string(block_number_));
  add_report(Tool::kSynccheck, "Barrier error detected. Deadlock: no thread of the block can go on", place, details);
}

void Worker::abandon_block() {
  for (auto& t : threads_) {
    if (!t.fiber) continue;
    t.fiber->reset();
    recycle(t);
  }
}

// ---- block barrier ----

int Worker::block_barrier(Barrier kind, int predicate, SourceLocation caller) {
  if (kind == Barrier::kPlain && sync_is_removed(caller)) return 0;
  Thread& t = *current_;
  t.state = ThreadState::kAtBarrier;
  t.barrier = kind;
  t.value = predicate != 0;
  t.location = caller;
  // The last to arrive releases the others and runs on.
  if (++at_barrier_ == live_) {
    release_barrier();
    t.state = ThreadState::kRunning;
  } else {
    pause();
  }
  return int(t.result);
}

bool Worker::barrier_agrees() {
  const Thread* first = nullptr;
  for (const auto& t : threads_) {
    if (t.state != ThreadState::kAtBarrier) continue;
    if (first == nullptr) first = &t;
    if (t.barrier == first->barrier && same_place(t.location, first->location)) continue;
    add_report(Tool::kSynccheck, "Barrier error detected. Divergent thread(s) in block", short_place(first->location),
               {"threads of one block wait at " + short_place(first->location) + " and at " + short_place(t.location)});
    return false;
  }
  if (options().strict && live_ < threads_.size() && !exit_reported_) {
    exit_reported_ = true;
    add_report(Tool::kSynccheck, "Barrier error detected. Divergent thread(s) in block", short_place(first->location),
               {std::to_string(threads_.size() - live_) + " thread(s) had exited before the barrier"});
  }
  return true;
}

void Worker::release_barrier() {
  barrier_agrees();
  std::uint64_t count = 0;
  for (const auto& t : threads_) count += t.state == ThreadState::kAtBarrier ? t.value : 0;
  const std::uint64_t arrived = at_barrier_;
  at_barrier_ = 0;
  for (auto& t : threads_) {
    if (t.state != ThreadState::kAtBarrier) continue;
    t.result = t.barrier == Barrier::kCount ? count : t.barrier == Barrier::kAnd ? count == arrived : count != 0;
    ++t.barriers;
    t.state = ThreadState::kReady;
    if (&t != current_) warps_[t.warp].ready |= 1u << t.lane;
  }
  if (hooks().barrier_passed) hooks().barrier_passed(*this);
}

// ---- shared memory ----

void Worker::place_array(const SharedTag* tag, std::size_t bytes, std::size_t alignment) {
  const std::size_t begin = (arena_used_ + kRedZone + alignment - 1) / alignment * alignment;
  EMU_ASAN(__asan_unpoison_memory_region(arena_ + begin, bytes);)
  arena_used_ = begin + bytes;
  shared_bytes_ += bytes;
  arrays_.push_back({tag, arena_ + begin, bytes});
}

bool Worker::in_shared_memory(const void* p) const {
  return std::size_t(static_cast<const char*>(p) - arena_) < kArenaBytes;
}

void* Worker::shared_array(const SharedTag* tag, std::size_t bytes, std::size_t alignment) {
  for (const auto& array : arrays_) {
    if (array.tag == tag) return array.begin;
  }
  if (shared_bytes_ + bytes > shared_limit_ || arena_used_ + bytes + alignment + 2 * kRedZone > kArenaBytes) {
    add_report(Tool::kLaunch, "too much shared memory", short_place(tag->location),
               {std::to_string(shared_bytes_ + bytes) + " bytes with array '" + tag->name + "', at most " +
                std::to_string(shared_limit_)});
    stop();
  }
  place_array(tag, bytes, alignment);
  std::memset(arrays_.back().begin, 0xFF, bytes);
  if (hooks().shared_allocated) hooks().shared_allocated(arrays_.back().begin, bytes);
  return arrays_.back().begin;
}

std::uint32_t Worker::shared_offset(const void* p, SourceLocation caller) {
  if (!in_shared_memory(p)) {
    add_report(Tool::kMemcheck, "Address of __shared__ memory expected", short_place(caller),
               {"the pointer is none to the block's shared memory"});
    stop();
  }
  return std::uint32_t(static_cast<const char*>(p) - arena_);
}

char* Worker::shared_pointer(std::uint32_t at, std::size_t bytes, const char* access, SourceLocation caller) {
  char* const p = arena_ + at;
  const char* why = at % bytes != 0 ? "Address is misaligned" : "Access is out of bounds";
  for (const auto& array : arrays_) {
    if (at % bytes == 0 && p >= array.begin && p + bytes <= array.begin + array.bytes) return p;
  }
  add_report(Tool::kMemcheck,
             std::string("Invalid __shared__ ") + access + " of size " + std::to_string(bytes) + " bytes",
             short_place(caller), {why, "at offset " + std::to_string(at) + " of the block's shared memory"});
  stop();
  return p;
}

// ---- intrinsics of the running thread ----

int block_barrier(Barrier kind, int predicate, SourceLocation caller) {
  return current_worker->block_barrier(kind, predicate, caller);
}
void* shared_array(const SharedTag* tag, std::size_t bytes, std::size_t alignment) {
  return current_worker->shared_array(tag, bytes, alignment);
}
void* dynamic_shared() {
  return current_worker->dynamic_shared();
}

}  // namespace emu
