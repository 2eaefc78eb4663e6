/// Takes the accesses of instrumented kernels apart by address space, and passes them to the checks and the counters.

#include "emulator/checker/instrumentation.h"

#include <bit>
#include <utility>
#include <vector>

#include "emulator/checker/checks.h"
#include "emulator/checker/modules.h"
#include "emulator/checker/shadow.h"
#include "emulator/counters/collector.h"
#include "emulator/emulator.h"

namespace emu {
namespace {

// The accesses of one launch at a time (the engine runs launches one after another, and uses one worker here).
struct Instrumentation {
  Checks checks;
  Collector collector;
  std::vector<std::pair<const void*, std::size_t>> shared_arrays;  // of the last launch
  std::vector<LaunchCounts> finished;
};

Instrumentation& state() {
  static Instrumentation& instance = *new Instrumentation;
  return instance;
}

bool within(const void* p, std::size_t bytes, const void* begin, std::size_t size) {
  const auto* first = static_cast<const char*>(begin);
  const auto* q = static_cast<const char*>(p);
  return q >= first && q + bytes <= first + size;
}

bool is_builtin(const void* p, std::size_t bytes) {
  return within(p, bytes, &threadIdx, sizeof threadIdx) || within(p, bytes, &blockIdx, sizeof blockIdx) ||
         within(p, bytes, &blockDim, sizeof blockDim) || within(p, bytes, &gridDim, sizeof gridDim);
}

// Memory that is neither global nor shared: the thread's own, parameters, constants - or a mistake.
void private_access(const Worker& worker, const Access& access) {
  const Fiber& fiber = *worker.current()->fiber;
  if (access.begin >= fiber.begin() && access.begin < fiber.end()) return;
  if (is_builtin(access.begin, access.bytes)) return;
  const Launch& launch = worker.launch();
  const bool reads = !is_write(access.kind);
  if (reads && within(access.begin, access.bytes, launch.arguments.get(), launch.argument_bytes)) return;
  if (!options().check || (reads && in_constant_data(access.begin, access.bytes))) return;
  state().checks.report_foreign(access, "host memory, which a kernel may not touch");
}

// The GPU moves what it cannot take in one access in words, or in bytes where alignment is not known.
void count(const Worker& worker, const Access& access, const void* pc) {
  const auto offset = std::uint32_t(cell_of(access.begin) * kCellBytes + std::uintptr_t(access.begin) % kCellBytes);
  const Thread& thread = *worker.current();
  if (access.aligned || access.bytes == 1) {
    return state().collector.add(thread, access.site, access.kind, access.shared, offset, std::uint8_t(access.bytes));
  }
  const std::size_t piece = offset % 4 == 0 && access.bytes % 4 == 0   ? 4
                            : offset % 2 == 0 && access.bytes % 2 == 0 ? 2
                                                                       : 1;
  for (std::size_t i = 0; i * piece < access.bytes; ++i) {
    state().collector.add(thread, site_of_instruction(pc, int(i)), access.kind, access.shared,
                          std::uint32_t(offset + i * piece), std::uint8_t(piece));
  }
}

// What a line does is told apart by kind and size: lanes at one request agree in both.
int part_of(const Access& access) {
  return int(access.kind) + 8 * std::countr_zero(access.bytes);
}

void hook_access(const void* p, std::size_t bytes, AccessKind kind, const void* pc, SourceLocation caller) {
  instrumented_access(p, bytes, kind, true, pc, caller);
}

// ---- what the engine tells ----

void launch_begins(const Launch& launch) {
  for (const auto& [p, bytes] : state().shared_arrays) set_state(p, bytes, false, false);
  state().shared_arrays.clear();
  state().checks.begin_launch();
  if (options().count) state().collector.begin_launch(launch);
}

void launch_ends(const Launch&) {
  if (options().count) state().finished.push_back(state().collector.end_launch());
}

void block_begins(Worker& worker) {
  state().checks.begin_block(worker);
  state().shared_arrays.clear();
  for (const auto& array : worker.shared_arrays()) state().shared_arrays.emplace_back(array.begin, array.bytes);
  if (options().count) state().collector.begin_block(worker);
}

void block_ends(Worker& worker) {
  if (options().count) state().collector.end_block(worker);
}

void barrier_passed(Worker&) {
  if (options().count) state().collector.barrier_passed();
}

void warp_operation_passed(Worker& worker, unsigned warp, std::uint32_t lanes, WarpOp op) {
  if (op == WarpOp::kSync) state().checks.synchronise_lanes(warp, lanes);
  if (!options().count) return;
  state().collector.count_warp_operation(op);
  if (lanes == worker.warps()[warp].live()) state().collector.warp_together(warp);
}

// One access of the bytes that are copied where they are all of them, else words and bytes.
void read_source(const AsyncCopy& copy) {
  for (unsigned i = 0, piece; i < copy.valid; i += piece) {
    piece = copy.valid == copy.bytes ? copy.bytes : copy.valid - i >= 4 ? 4 : 1;
    hook_access(copy.from + i, piece, AccessKind::kCopyRead, nullptr, copy.place);
  }
}

void copy_issued(Worker& worker, const AsyncCopy& copy) {
  read_source(copy);
  hook_access(copy.to, copy.bytes, AccessKind::kCopyWrite, nullptr, copy.place);
  if (options().check) state().checks.begin_copy(worker, copy);
}

void copy_arrived(Worker& worker, const AsyncCopy& copy) {
  if (options().check) state().checks.end_copy(worker, copy);
}

void copy_abandoned(Worker&, const AsyncCopy& copy) {
  if (options().check) state().checks.abandon_copy(copy);
}

void allocated(const void* p, std::size_t bytes, const char* name) {
  set_state(p, bytes, true, false);
  note_allocation(p, bytes, name);
}

void released(const void* p, std::size_t bytes) {
  set_state(p, bytes, false, false);
  forget_allocation(p);
}

void shared_allocated(const void* p, std::size_t bytes) {
  set_state(p, bytes, true, false);
  state().shared_arrays.emplace_back(p, bytes);
}

// ---- host code ----

void check_host_range(const void* p, std::size_t bytes, const char* what) {
  if (!is_emulated(p) || !options().check) return;
  if (const char* invalid = first_invalid(p, bytes)) {
    add_report(Tool::kMemcheck,
               std::string("Invalid __global__ ") + what + " of size " + std::to_string(bytes) + " bytes by host code",
               "host code", {"Access is out of bounds", "and is " + describe_address(invalid)});
  }
}

void host_reads(const void* p, std::size_t bytes) {
  check_host_range(p, bytes, "read");
}

void host_writes(const void* p, std::size_t bytes) {
  check_host_range(p, bytes, "write");
  if (is_emulated(p)) set_initialised(p, bytes);
}

// Copies what is known of the bytes too: a copy of uninitialised memory is not initialised.
void host_copies(const void* to, const void* from, std::size_t bytes) {
  check_host_range(from, bytes, "read");
  if (!is_emulated(to)) return;
  check_host_range(to, bytes, "write");
  if (!is_emulated(from)) return set_initialised(to, bytes);
  const auto* source = static_cast<const char*>(from);
  const auto* target = static_cast<const char*>(to);
  for (std::size_t i = 0; i < bytes; ++i) {
    const bool initialised = state_of(cell_of(source + i)) >> (4 + std::uintptr_t(source + i) % kCellBytes) & 1;
    set_state(target + i, 1, true, initialised);
  }
}

[[maybe_unused]] const bool installed = [] {
  Hooks& h = hooks();
  h.launch_begins = launch_begins;
  h.launch_ends = launch_ends;
  h.block_begins = block_begins;
  h.block_ends = block_ends;
  h.barrier_passed = barrier_passed;
  h.warp_operation_passed = warp_operation_passed;
  h.copy_issued = copy_issued;
  h.copy_arrived = copy_arrived;
  h.copy_abandoned = copy_abandoned;
  h.access = hook_access;
  h.allocate = shadow_allocate;
  h.deallocate = shadow_deallocate;
  h.allocated = allocated;
  h.released = released;
  h.shared_allocated = shared_allocated;
  h.host_reads = host_reads;
  h.host_writes = host_writes;
  h.host_copies = host_copies;
  return true;
}();

}  // namespace

void instrumented_access(const void* p, std::size_t bytes, AccessKind kind, bool aligned, const void* pc,
                         SourceLocation caller) {
  const Worker* worker = current_worker;
  if (worker == nullptr || worker->current() == nullptr) return;  // host code in a kernel file
  Access access{static_cast<const char*>(p), bytes, kind, aligned, false, 0};
  const bool emulated = is_emulated(p);
  // Most accesses are to the thread's own stack: no need to number their program points.
  if (!emulated && access.begin >= worker->current()->fiber->begin() && access.begin < worker->current()->fiber->end())
    return;
  access.site = caller.line != 0 ? site_of_line(caller, part_of(access)) : site_of_instruction(pc);
  if (!emulated) return private_access(*worker, access);
  access.shared = worker->in_shared_memory(p);
  if (options().check && !state().checks.check(*worker, access)) return;
  if (options().count) count(*worker, access, pc);
}

std::vector<LaunchCounts> take_counts() {
  return std::exchange(state().finished, {});
}

}  // namespace emu
