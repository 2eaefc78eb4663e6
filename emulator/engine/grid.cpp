/// Launches: checks, order of the blocks, workers.

#include <algorithm>
#include <atomic>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <utility>

#include "emulator/dialect/launch.h"
#include "emulator/emulator.h"
#include "emulator/engine/hooks.h"
#include "emulator/engine/worker.h"
#include "emulator/engine/worker_pool.h"

namespace emu {
namespace {

constexpr std::size_t kSharedWithoutOptIn = 48 << 10;

// State that lives as long as the process: fibers and workers are made once.
struct Engine {
  std::mutex run_mutex;
  std::vector<std::unique_ptr<Worker>> workers;
  WorkerPool pool;

  std::mutex mutex;  // of what follows
  std::map<const void*, std::size_t> opted_in;
  LaunchStatus status = LaunchStatus::kSuccess;
  std::function<void(Launch)> sink;
};

// Never destroyed: kernels may still be launched by destructors of static objects.
Engine& engine() {
  static Engine& instance = *new Engine;
  return instance;
}

std::size_t dynamic_limit(const void* function) {
  std::lock_guard lock(engine().mutex);
  const auto found = engine().opted_in.find(function);
  return found == engine().opted_in.end() ? kSharedWithoutOptIn : found->second;
}

std::string text(const Extent& e) {
  return "(" + std::to_string(e.x) + "," + std::to_string(e.y) + "," + std::to_string(e.z) + ")";
}

LaunchStatus refuse(const Launch& launch, LaunchStatus status, const char* error, const std::string& detail) {
  add_report(Tool::kLaunch, std::string("Program hit ") + error + " on launch of " + launch.kernel,
             short_place(launch.where), {detail});
  return status;
}

void run_blocks(Engine& e, const Launch& launch) {
  const std::uint64_t blocks = launch.grid.count();
  const bool instrumented = hooks().access != nullptr && (options().check || options().count);
  const int wanted = instrumented ? 1 : std::max(1, options().workers);
  const int count = int(std::min<std::uint64_t>(std::uint64_t(wanted), blocks));
  while (int(e.workers.size()) < count) e.workers.push_back(std::make_unique<Worker>());
  // Static arrays may take 48 KiB on their own; an opt-in is for static and dynamic memory together.
  const std::size_t limit = std::max(kSharedWithoutOptIn, dynamic_limit(launch.function));
  std::atomic<std::uint64_t> next{0};
  std::atomic<bool> failed{false};
  e.pool.run(count, [&](int member) {
    Worker& worker = *e.workers[std::size_t(member)];
    current_worker = &worker;
    worker.begin_launch(launch, limit);
    for (std::uint64_t i; !failed && (i = next++) < blocks;) {
      worker.run_block(options().order == Order::kReverse ? blocks - 1 - i : i);
      if (worker.aborted()) failed = true;
    }
    current_worker = nullptr;
  });
}

}  // namespace

LaunchStatus check_launch(const Launch& launch) {
  const auto& [grid, block] = std::pair(launch.grid, launch.block);
  if (block.count() == 0 || block.x > 1024 || block.y > 1024 || block.z > 64 || block.count() > 1024) {
    return refuse(launch, LaunchStatus::kInvalidConfiguration, "cudaErrorInvalidConfiguration",
                  "block " + text(block) + ": at most 1024 threads, z at most 64, none 0");
  }
  if (grid.count() == 0 || grid.x > 0x7fffffffu || grid.y > 65535 || grid.z > 65535) {
    return refuse(launch, LaunchStatus::kInvalidConfiguration, "cudaErrorInvalidConfiguration",
                  "grid " + text(grid) + ": x at most 2147483647, y and z at most 65535, none 0");
  }
  const std::size_t limit = dynamic_limit(launch.function);
  if (launch.dynamic_shared_bytes > limit) {
    return refuse(launch, LaunchStatus::kInvalidValue, "cudaErrorInvalidValue",
                  std::to_string(launch.dynamic_shared_bytes) + " bytes of dynamic shared memory, at most " +
                      std::to_string(limit) + " without cudaFuncSetAttribute");
  }
  return LaunchStatus::kSuccess;
}

LaunchStatus run(const Launch& launch) {
  const LaunchStatus checked = check_launch(launch);
  if (checked != LaunchStatus::kSuccess) return checked;
  Engine& e = engine();
  std::lock_guard lock(e.run_mutex);
  if (hooks().launch_begins) hooks().launch_begins(launch);
  run_blocks(e, launch);
  if (hooks().launch_ends) hooks().launch_ends(launch);
  for (const auto& worker : e.workers) {
    if (worker->aborted()) return LaunchStatus::kLaunchFailure;
  }
  return LaunchStatus::kSuccess;
}

void submit(Launch launch) {
  Engine& e = engine();
  std::function<void(Launch)> sink;
  {
    std::lock_guard lock(e.mutex);
    sink = e.sink;
  }
  if (sink) return sink(std::move(launch));
  const LaunchStatus status = run(launch);
  std::lock_guard lock(e.mutex);
  if (e.status == LaunchStatus::kSuccess) e.status = status;
}

void submit_call(CallSite site, dim3 grid, dim3 block, std::size_t smem_bytes, cudaStream_t stream) {
  Launch launch;
  launch.kernel = site.kernel;
  launch.function = site.function;
  launch.where = site.where;
  launch.grid = {grid.x, grid.y, grid.z};
  launch.block = {block.x, block.y, block.z};
  launch.dynamic_shared_bytes = smem_bytes;
  launch.stream = stream;
  launch.entry = site.entry;
  launch.argument_bytes = site.bytes;
  launch.pointers = std::move(site.pointers);
  std::shared_ptr<char[]> copy(new char[site.bytes]);  // new aligns to 16
  std::memcpy(copy.get(), site.call, site.bytes);
  launch.arguments = std::shared_ptr<const void>(copy, copy.get());
  submit(std::move(launch));
}

void set_launch_sink(std::function<void(Launch)> sink) {
  std::lock_guard lock(engine().mutex);
  engine().sink = std::move(sink);
}

LaunchStatus take_launch_status() {
  std::lock_guard lock(engine().mutex);
  return std::exchange(engine().status, LaunchStatus::kSuccess);
}

LaunchStatus peek_launch_status() {
  std::lock_guard lock(engine().mutex);
  return engine().status;
}

bool allow_dynamic_shared(const void* function, std::size_t bytes) {
  if (bytes > options().max_shared_bytes) return false;
  std::lock_guard lock(engine().mutex);
  engine().opted_in[function] = bytes;
  return true;
}

std::uint64_t next_block_serial() {
  static std::atomic<std::uint64_t> serial{0};
  return ++serial;
}

}  // namespace emu
