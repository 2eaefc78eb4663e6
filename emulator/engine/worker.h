#pragma once
/// Runs the blocks of a grid, one at a time: fibers, barriers, warp operations, shared memory.

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "emulator/dialect/builtins.h"
#include "emulator/dialect/shared.h"
#include "emulator/dialect/sync.h"
#include "emulator/dialect/warp.h"
#include "emulator/engine/async_copy.h"
#include "emulator/engine/fiber.h"
#include "emulator/launch.h"

namespace emu {

enum class ThreadState : std::uint8_t { kReady, kRunning, kAtBarrier, kAtWarpOperation, kDone, kStopped };

/// One CUDA thread.
struct Thread {
  uint3 index{};
  std::unique_ptr<Fiber> fiber;  ///< only between its start and its end
  std::uint64_t value = 0;       ///< what it brings to the operation at which it waits
  std::uint64_t result = 0;
  SourceLocation location;  ///< of that operation
  std::uint32_t mask = 0;
  std::uint32_t barriers = 0;  ///< block barriers passed
  int operand = 0;
  int width = 32;
  std::uint16_t warp = 0;
  std::uint8_t lane = 0;
  ThreadState state = ThreadState::kReady;
  WarpOp warp_op = WarpOp::kSync;
  Barrier barrier = Barrier::kPlain;
  std::uint32_t copy_groups = 0;  ///< asynchronous copies committed so far
  std::vector<AsyncCopy> copies;  ///< those under way

  unsigned rank() const { return warp * 32u + lane; }
};

/// mma and ldmatrix, which all lanes of a warp do together: what each lane's record says, for the 32 threads at `warp`.
bool is_mma(WarpOp op);
bool is_tensor_operation(WarpOp op);
void run_tensor_operation(const Thread* warp);

/// The engine's own random numbers (xorshift).
std::uint64_t next_random(std::uint64_t& state);

/// Lane masks of one warp.
struct Warp {
  std::uint32_t exists = 0, ready = 0, waiting = 0, done = 0;
  std::uint32_t live() const { return exists & ~done; }
};

/// One array in shared memory. tag is null for the dynamic part.
struct SharedArray {
  const SharedTag* tag;
  char* begin;
  std::size_t bytes;
};

class Worker {
 public:
  Worker();
  ~Worker();

  /// Prepares for the blocks of one launch.
  void begin_launch(const Launch& launch, std::size_t shared_limit);
  /// Runs block number `number` (x fastest) to its end or to its failure.
  void run_block(std::uint64_t number);
  /// Whether a block of this launch was stopped.
  bool aborted() const { return aborted_; }

  // What intrinsics call on the running thread.
  int block_barrier(Barrier kind, int predicate, SourceLocation caller);
  std::uint64_t warp_operation(WarpOp op, std::uint32_t mask, std::uint64_t value, int operand, int width,
                               SourceLocation caller);
  void* shared_array(const SharedTag* tag, std::size_t bytes, std::size_t alignment);
  void* dynamic_shared() const { return arrays_[0].begin; }
  std::uint32_t shared_offset(const void* p, SourceLocation caller);
  char* shared_pointer(std::uint32_t at, std::size_t bytes, const char* access, SourceLocation caller);
  void issue_copy(std::uint32_t to, const void* from, unsigned bytes, int valid, SourceLocation caller);
  void commit_copies();
  void wait_copies(std::size_t pending, SourceLocation caller);
  /// Stops the running thread, and with it the launch.
  void stop();

  /// The running thread, or null.
  Thread* current() const { return current_; }
  const Launch& launch() const { return *launch_; }
  std::vector<Thread>& threads() { return threads_; }
  std::vector<Warp>& warps() { return warps_; }
  const std::vector<SharedArray>& shared_arrays() const { return arrays_; }
  /// Whether p points into the memory from which shared arrays are taken.
  bool in_shared_memory(const void* p) const;
  /// Unique number of the running block in this process.
  std::uint64_t block_serial() const { return block_serial_; }

 private:
  static void fiber_main();
  void resume(Thread& thread);
  void pause();
  void finish_thread();
  void recycle(Thread& thread);
  void start_block(std::uint64_t number);
  bool run_ready_threads(std::uint64_t& random);
  bool run_warp(std::size_t warp, std::uint64_t& random);
  void report_deadlock();
  void abandon_block();
  void release_barrier();
  bool barrier_agrees();
  bool try_complete(Warp& warp, Thread& thread);
  bool lanes_agree(const Thread& thread, std::uint32_t lanes);
  bool warp_is_whole(const Thread& thread, std::uint32_t lanes);
  void combine(const Thread& thread, std::uint32_t lanes);
  void shuffle_lane(Thread& lane, std::uint32_t lanes);
  void refuse_copy(SourceLocation caller, const std::string& why);
  void move_some_copies(Thread& thread);
  void abandon_copies(Thread& thread);
  void place_array(const SharedTag* tag, std::size_t bytes, std::size_t alignment);

  std::vector<Thread> threads_;
  std::vector<Warp> warps_;
  std::vector<std::unique_ptr<Fiber>> idle_fibers_;
  std::vector<SharedArray> arrays_;
  SchedulerContext scheduler_;
  const Launch* launch_ = nullptr;
  Thread* current_ = nullptr;
  char* memory_ = nullptr;  // of which the arena is the aligned part
  char* arena_ = nullptr;
  std::size_t arena_used_ = 0, shared_bytes_ = 0, shared_limit_ = 0;
  std::size_t live_ = 0, at_barrier_ = 0;
  std::uint64_t block_number_ = 0, block_serial_ = 0, copy_random_ = 0;
  bool aborted_ = false, exit_reported_ = false;
};

/// The worker of the calling thread while it runs blocks.
extern constinit thread_local Worker* current_worker EMU_STATIC_TLS;

}  // namespace emu
