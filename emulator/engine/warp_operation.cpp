/// Vote, shuffle, match and reduce among the lanes of a warp; tensor operations in tensor_operation.cpp.

#include <algorithm>
#include <bit>
#include <cstring>
#include <string>

#include "emulator/emulator.h"
#include "emulator/engine/hooks.h"
#include "emulator/engine/sync_points.h"
#include "emulator/engine/worker.h"

namespace emu {
namespace {

// What an absent lane's value is: NaN, or -1.
constexpr std::uint64_t kUndefined = ~std::uint64_t{0};

constexpr bool is_shuffle(WarpOp op) {
  return op >= WarpOp::kShuffle && op <= WarpOp::kShuffleXor;
}

constexpr bool is_reduction(WarpOp op) {
  return op >= WarpOp::kAdd && op <= WarpOp::kXor;
}

std::uint32_t reduce_step(WarpOp op, std::uint32_t a, std::uint32_t b) {
  switch (op) {
    case WarpOp::kAdd:
      return a + b;
    case WarpOp::kMinUnsigned:
      return std::min(a, b);
    case WarpOp::kMaxUnsigned:
      return std::max(a, b);
    case WarpOp::kMinSigned:
      return std::uint32_t(std::min(std::int32_t(a), std::int32_t(b)));
    case WarpOp::kMaxSigned:
      return std::uint32_t(std::max(std::int32_t(a), std::int32_t(b)));
    case WarpOp::kAnd:
      return a & b;
    case WarpOp::kOr:
      return a | b;
    default:
      return a ^ b;
  }
}

// Lane from which `lane` reads; itself where CUDA says that the value stays.
int source_lane(WarpOp op, int lane, int operand, int width) {
  const int segment = lane & ~(width - 1);
  switch (op) {
    case WarpOp::kShuffle:
      return segment + (operand & (width - 1));
    case WarpOp::kShuffleUp:
      return lane - operand < segment ? lane : lane - operand;
    case WarpOp::kShuffleDown:
      return lane + operand >= segment + width ? lane : lane + operand;
    default:
      return (lane ^ operand) >= segment + width ? lane : lane ^ operand;
  }
}

}  // namespace

std::uint64_t Worker::warp_operation(WarpOp op, std::uint32_t mask, std::uint64_t value, int operand, int width,
                                     SourceLocation caller) {
  if (op == WarpOp::kSync && sync_is_removed(caller)) return 0;
  Thread& t = *current_;
  if (!(mask >> t.lane & 1)) {
    add_report(Tool::kSynccheck, "Barrier error detected. Invalid arguments", short_place(caller),
               {"the calling lane is not in its own mask"});
    stop();
  }
  if (width < 1 || width > 32 || (width & (width - 1)) != 0) {
    add_report(Tool::kSynccheck, "Invalid arguments", short_place(caller),
               {"shuffle width " + std::to_string(width) + " is not a power of two up to 32"});
    stop();
  }
  t.state = ThreadState::kAtWarpOperation;
  t.warp_op = op;
  t.mask = mask;
  t.value = value;
  t.operand = operand;
  t.width = width;
  t.location = caller;
  Warp& warp = warps_[t.warp];
  warp.waiting |= 1u << t.lane;
  // The last lane to arrive completes the operation and runs on.
  if (try_complete(warp, t)) {
    t.state = ThreadState::kRunning;
  } else {
    pause();
  }
  return t.result;
}

bool Worker::lanes_agree(const Thread& t, std::uint32_t lanes) {
  for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    const Thread& other = threads_[t.warp * 32u + unsigned(__builtin_ctz(rest))];
    if (other.warp_op == t.warp_op && other.mask == t.mask && other.location.line == t.location.line) continue;
    add_report(Tool::kSynccheck, "Barrier error detected. Divergent thread(s) in warp", short_place(t.location),
               {"lanes named in one mask wait at " + short_place(t.location) + " and at " +
                    short_place(other.location) + ", or with different masks",
                "lane " + std::to_string(t.lane) + " has its mask, lane " + std::to_string(other.lane) +
                    " another or another operation"});
    return false;
  }
  return true;
}

// Completes the operation at which `t` waits if all lanes of its mask that have not exited have come.
bool Worker::try_complete(Warp& warp, Thread& t) {
  const std::uint32_t lanes = t.mask & warp.live();
  if ((warp.waiting & lanes) != lanes) return false;
  if (!lanes_agree(t, lanes)) {
    stop();
    return false;
  }
  if (is_tensor_operation(t.warp_op)) {
    if (!warp_is_whole(t, lanes)) return false;
    run_tensor_operation(&threads_[t.warp * 32u]);
  } else {
    combine(t, lanes);
  }
  warp.waiting &= ~lanes;
  for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    Thread& lane = threads_[t.warp * 32u + unsigned(__builtin_ctz(rest))];
    lane.state = ThreadState::kReady;
    if (&lane != current_) warp.ready |= 1u << lane.lane;
  }
  if (hooks().warp_operation_passed) {
    hooks().warp_operation_passed(*this, t.warp, lanes, t.warp_op);
  }
  return true;
}

// mma and ldmatrix have no mask: all 32 lanes take part.
bool Worker::warp_is_whole(const Thread& t, std::uint32_t lanes) {
  if (lanes == ~0u) return true;
  add_report(Tool::kSynccheck, "Barrier error detected. Divergent thread(s) in warp", short_place(t.location),
             {"mma and ldmatrix need all 32 lanes of the warp, but " + std::to_string(std::popcount(~lanes)) +
              " have exited or are no part of the block"});
  stop();
  return false;
}

void Worker::combine(const Thread& t, std::uint32_t lanes) {
  Thread* warp = &threads_[t.warp * 32u];
  const auto first = unsigned(__builtin_ctz(lanes));
  std::uint64_t shared_result = is_reduction(t.warp_op) ? warp[first].value : 0;
  bool all_match = true;
  for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    const auto lane = unsigned(__builtin_ctz(rest));
    const std::uint64_t value = warp[lane].value;
    if (t.warp_op == WarpOp::kBallot) shared_result |= std::uint64_t{value != 0} << lane;
    if (is_reduction(t.warp_op) && lane != first) {
      shared_result = reduce_step(t.warp_op, std::uint32_t(shared_result), std::uint32_t(value));
    }
    all_match &= value == warp[first].value;
  }
  if (t.warp_op == WarpOp::kMatchAll) shared_result = all_match ? lanes : 0;
  for (std::uint32_t rest = lanes; rest != 0; rest &= rest - 1) {
    Thread& lane = warp[__builtin_ctz(rest)];
    lane.result = shared_result;
    if (is_shuffle(t.warp_op)) shuffle_lane(lane, lanes);
    if (t.warp_op != WarpOp::kMatchAny) continue;
    for (std::uint32_t others = lanes; others != 0; others &= others - 1) {
      const auto other = unsigned(__builtin_ctz(others));
      if (warp[other].value == lane.value) lane.result |= 1u << other;
    }
  }
}

void Worker::shuffle_lane(Thread& lane, std::uint32_t lanes) {
  const int source = source_lane(lane.warp_op, lane.lane, lane.operand, lane.width);
  if (lanes >> source & 1) {
    lane.result = threads_[lane.warp * 32u + unsigned(source)].value;
    return;
  }
  lane.result = kUndefined;
  if (!options().strict) return;
  add_report(Tool::kSynccheck, "Invalid arguments. Shuffle from an inactive lane", short_place(lane.location),
             {"lane " + std::to_string(lane.lane) + " reads lane " + std::to_string(source) + ", which takes no part"});
}

std::uint64_t warp_operation(WarpOp op, unsigned mask, std::uint64_t value, int operand, int width,
                             SourceLocation caller) {
  return current_worker->warp_operation(op, mask, value, operand, width, caller);
}
unsigned lane_id() {
  return current_worker->current()->lane;
}
unsigned active_mask() {
  return current_worker->warps()[current_worker->current()->warp].live();
}

}  // namespace emu
