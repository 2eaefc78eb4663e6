#include <algorithm>
#include <cstdlib>
#include <thread>

#include "emulator/emulator.h"
#include "emulator/runtime/state.h"
#include "emulator/runtime_control.h"

namespace emu {
namespace {

std::int64_t number_from(const char* variable, std::int64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text && *text ? std::atoll(text) : otherwise;
}

Schedule schedule_from(const char* variable, Schedule otherwise) {
  const char* const text = std::getenv(variable);
  const std::string name = text ? text : "";
  if (name == "eager") return Schedule::kEager;
  if (name == "lazy") return Schedule::kLazy;
  if (name == "random") return Schedule::kRandom;
  return otherwise;
}

/// The sink of kernel launches: an API call like others.
void take_launch(Launch launch);

}  // namespace

void Clock::raise(int stream, std::uint64_t epoch) {
  if (std::size_t(stream) >= epochs_.size()) epochs_.resize(std::size_t(stream) + 1);
  epochs_[std::size_t(stream)] = std::max(epochs_[std::size_t(stream)], epoch);
}

void Clock::join(const Clock& other) {
  for (std::size_t i = 0; i < other.epochs_.size(); ++i) raise(int(i), other.epochs_[i]);
}

ThreadState& thread_state() {
  static thread_local ThreadState state;
  return state;
}

Runtime& Runtime::instance() {
  static Runtime* const runtime = [] {
    auto* const made = new Runtime;
    RuntimeOptions& o = made->options;
    o.devices = int(number_from("EMU_DEVICES", o.devices));
    o.memory_bytes = std::size_t(number_from("EMU_MEMORY", std::int64_t(o.memory_bytes)));
    o.driver_version = int(number_from("EMU_DRIVER", o.driver_version));
    o.schedule = schedule_from("EMU_SCHEDULE", o.schedule);
    o.seed = std::uint64_t(number_from("EMU_SEED", std::int64_t(o.seed)));
    o.compute = number_from("EMU_COMPUTE", 1) != 0;
    made->fail_countdown = o.fail_call = number_from("EMU_FAIL_CALL", 0);
    made->random.seed(o.seed);
    set_launch_sink(take_launch);
    return made;
  }();
  return *runtime;
}

cudaError_t Runtime::fail(cudaError_t error) {
  if (error != cudaSuccess) thread_state().last = error;
  return error;
}

cudaError_t Runtime::call(const char* name, unsigned traits, const std::function<cudaError_t()>& body) {
  const std::lock_guard lock(mutex);
  ++stats.calls;
  if (!(traits & kNeedsNoDevice)) {
    if (options.driver_version / 1000 < CUDART_VERSION / 1000) return fail(cudaErrorInsufficientDriver);
    if (options.devices < 1) return fail(cudaErrorNoDevice);
    ensure_devices();
  }
  const bool counts = traits & kReadsErrors ? false : !options.fail_allocations_only || (traits & kAllocates);
  if (counts && fail_countdown > 0 && --fail_countdown == 0) {
    failed_on_demand = name;
    return fail(traits & kAllocates ? cudaErrorMemoryAllocation : cudaErrorUnknown);
  }
  if (sticky != cudaSuccess && !(traits & kReadsErrors)) return fail(sticky);
  const std::shared_ptr<Capture> capture = thread_state().capture;
  if ((traits & kNotInCapture) && capture && capture->mode != cudaStreamCaptureModeRelaxed) {
    capture->broken = true;
    report(std::string("Program hit cudaErrorStreamCaptureUnsupported on CUDA API call to ") + name,
           {"this call is not permitted while the thread captures a stream"});
    return fail(cudaErrorStreamCaptureUnsupported);
  }
  const cudaError_t error = body();
  tick();
  return fail(error);
}

void Runtime::ensure_devices() {
  while (int(null_streams.size()) < options.devices) {
    null_streams.push_back(make_stream(int(null_streams.size()), true));
    device_bytes.push_back(0);
  }
}

std::unique_ptr<CUstream_st> Runtime::make_stream(int device, bool blocking) {
  auto stream = std::make_unique<CUstream_st>();
  stream->number = ++last_stream_number;
  stream->device = device;
  stream->blocking = blocking;
  stream->clock = host;
  streams.insert(stream.get());
  return stream;
}

CUstream_st* Runtime::resolve(cudaStream_t handle) {
  if (!handle) return null_streams[std::size_t(thread_state().device)].get();
  return has_stream(handle) ? handle : nullptr;
}

void Runtime::report(const std::string& what, const std::vector<std::string>& details) {
  add_report(Tool::kRacecheck, what, "host code", details);
}

namespace {

/// Accesses by the pointer arguments of a kernel.
std::vector<Access> accesses_of(const Launch& launch) {
  std::vector<Access> accesses;
  for (const PointerArgument& argument : launch.pointers)
    if (const std::size_t bytes = bytes_from(argument.address); bytes > 0)
      accesses.push_back({static_cast<const char*>(argument.address), bytes, argument.written});
  return accesses;
}

void take_launch(Launch launch) {
  Runtime& r = Runtime::instance();
  r.call("cudaLaunchKernel", kPlain, [&] {
    CUstream_st* const stream = r.resolve(static_cast<cudaStream_t>(launch.stream));
    if (!stream) return cudaErrorInvalidResourceHandle;
    if (const LaunchStatus status = check_launch(launch); status != LaunchStatus::kSuccess) return cudaError_t(status);
    Work work{std::string("kernel ") + launch.kernel, accesses_of(launch), {}, {}, {}};
    work.run = [launch = std::move(launch)] {
      Runtime& device = Runtime::instance();
      ++device.stats.launches;
      return device.options.compute ? cudaError_t(run(launch)) : cudaSuccess;
    };
    return r.queue(stream, std::move(work));
  });
}

}  // namespace

RuntimeOptions& runtime_options() {
  return Runtime::instance().options;
}

RuntimeStats runtime_stats() {
  Runtime& r = Runtime::instance();
  const std::lock_guard lock(r.mutex);
  RuntimeStats s = r.stats;
  s.device_bytes = s.pinned_bytes = 0;
  s.allocations = s.pinned_allocations = 0;
  for (const auto& [begin, allocation] : r.allocations) {
    (allocation.pinned ? s.pinned_bytes : s.device_bytes) += allocation.bytes;
    ++(allocation.pinned ? s.pinned_allocations : s.allocations);
  }
  s.streams = int(r.streams.size() - r.null_streams.size());
  s.events = int(r.events.size());
  s.graphs = int(r.graphs.size() + r.execs.size());
  return s;
}

void fail_call(std::int64_t countdown, bool allocations_only) {
  Runtime& r = Runtime::instance();
  const std::lock_guard lock(r.mutex);
  r.fail_countdown = r.options.fail_call = countdown;
  r.options.fail_allocations_only = allocations_only;
  r.failed_on_demand.clear();
}

std::string failed_call() {
  Runtime& r = Runtime::instance();
  const std::lock_guard lock(r.mutex);
  return r.failed_on_demand;
}

void reset_runtime() {
  Runtime& r = Runtime::instance();
  const std::lock_guard lock(r.mutex);
  r.sticky = cudaSuccess;
  for (CUstream_st* stream : r.streams) {
    stream->done += stream->queue.size();
    for (Work& work : stream->queue)
      if (work.mark) work.mark->reached = true;
    stream->queue.clear();
    stream->capture = nullptr;
  }
  thread_state().last = cudaSuccess;
  thread_state().capture = nullptr;
  r.random.seed(r.options.seed);
  r.failed_on_demand.clear();
  r.fail_countdown = r.options.fail_call;
}

int queue_library_work(void* handle, const std::string& name, std::vector<MemoryUse> uses, std::function<void()> body) {
  Runtime& r = Runtime::instance();
  return r.call(name.c_str(), kPlain, [&]() -> cudaError_t {
    CUstream_st* const stream = r.resolve(static_cast<cudaStream_t>(handle));
    if (!stream) return cudaErrorInvalidResourceHandle;
    Work work{name, {}, {}, {}, {}};
    for (const MemoryUse& use : uses)
      work.accesses.push_back({static_cast<const char*>(use.begin), use.bytes, use.write});
    work.run = [&r, uses = std::move(uses), body = std::move(body)] {
      if (!r.options.compute) return cudaSuccess;
      for (const MemoryUse& use : uses)
        if (!use.write) host_read(use.begin, use.bytes);
      body();
      for (const MemoryUse& use : uses)
        if (use.write) host_write(const_cast<void*>(use.begin), use.bytes);
      return cudaSuccess;
    };
    return r.queue(stream, std::move(work));
  });
}

std::size_t bytes_from(const void* p) {
  Runtime& r = Runtime::instance();
  const std::lock_guard lock(r.mutex);
  const auto it = r.find(p);
  if (it == r.allocations.end() || it->second.pinned) return 0;
  return it->second.bytes - std::size_t(static_cast<const char*>(p) - it->first);
}

}  // namespace emu
