#include "bench/engram_bench/case_clock.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <cstring>

#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "kernels/plugin/plugin_loader.h"

namespace engram::bench {
namespace {

constexpr std::size_t kAlignment = 256;  // as devices align

class CpuClock : public CaseClock {
 public:
  explicit CpuClock(QuietWatch& watch) : watch_(watch) {}
  const CaseDevice& device() const override { return device_; }
  std::string device_name() const override { return "cpu"; }

  double seconds(const std::function<void()>& call, int calls) override {
    watch_.begin();
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) call();
    const std::chrono::duration<double> passed = std::chrono::steady_clock::now() - start;
    watch_.end();
    return passed.count();
  }

  std::function<void()> copy(DeviceArrays& arrays, std::int64_t bytes) override {
    const std::int64_t count = std::max<std::int64_t>(bytes / 2, 1);
    const auto* from = reinterpret_cast<const char*>(arrays.values((count + 3) / 4));
    auto* to = arrays.empty<char>(count);
    return [=] {
      constexpr std::int64_t kChunk = std::int64_t(256) << 10;
      kernels::parallel_chunks(count, kChunk, [=](std::int64_t begin, std::int64_t end, std::int64_t) {
        std::memcpy(to + begin, from + begin, std::size_t(end - begin));
      });
    };
  }

 private:
  static void* allocate(std::size_t bytes) {
    return std::aligned_alloc(kAlignment, (std::max<std::size_t>(bytes, 1) + kAlignment - 1) / kAlignment * kAlignment);
  }
  static void copy_in(void* to, const void* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(to, from, bytes);
  }

  QuietWatch& watch_;
  const CaseDevice device_ = {kernels::cpu_backend(), allocate, std::free, copy_in};
};

const kernels::DeviceApi* opened = nullptr;  // CaseDevice takes plain functions

void copy_to_device(void* device, const void* host, std::size_t bytes) {
  constexpr std::size_t kPart = std::size_t(16) << 20;
  void* const pinned = opened->allocate_pinned(std::min(bytes, kPart));
  if (!pinned) throw std::bad_alloc();
  for (std::size_t at = 0; at < bytes; at += kPart) {
    const std::size_t size = std::min(kPart, bytes - at);
    std::memcpy(pinned, static_cast<const char*>(host) + at, size);
    opened->copy({}, static_cast<char*>(device) + at, pinned, size, kernels::CopyKind::kHostToDevice);
    opened->synchronize_stream({});
  }
  opened->deallocate_pinned(pinned);
}

class PluginClock : public CaseClock {
 public:
  explicit PluginClock(const kernels::Plugin& plugin)
      : api_(*plugin.devices),
        device_{*plugin.backend, plugin.devices->allocate, [](void* memory) { opened->deallocate(memory); },
                copy_to_device},
        start_(api_.create_event(true)),
        end_(api_.create_event(true)) {
    opened = &api_;
  }
  ~PluginClock() override {
    api_.destroy_event(start_);
    api_.destroy_event(end_);
  }
  const CaseDevice& device() const override { return device_; }
  std::string device_name() const override { return api_.properties(0).name; }

  double seconds(const std::function<void()>& call, int calls) override {
    api_.record_event(start_, {});
    for (int i = 0; i < calls; ++i) call();
    api_.record_event(end_, {});
    api_.synchronize_event(end_);
    return 1e-3 * double(api_.elapsed_ms(start_, end_));
  }

  std::function<void()> copy(DeviceArrays& arrays, std::int64_t bytes) override {
    const std::int64_t count = std::max<std::int64_t>(bytes / 8, 1);
    const float* from = arrays.values(count);
    auto* to = arrays.empty<float>(count);
    return
        [=, this] { api_.copy({}, to, from, std::size_t(count) * sizeof(float), kernels::CopyKind::kDeviceToDevice); };
  }

 private:
  const kernels::DeviceApi& api_;
  const CaseDevice device_;
  const kernels::Event start_, end_;
};

}  // namespace

std::unique_ptr<CaseClock> case_clock(const std::string& device, QuietWatch& watch) {
  if (device == "cpu") return std::make_unique<CpuClock>(watch);
  std::string why;
  const auto* plugin =
      kernels::open_plugin(device == "emu" ? kernels::PluginKind::kEmu : kernels::PluginKind::kCuda, why);
  if (!plugin || plugin->devices->num_devices(why) == 0)
    throw DeviceError(message("[bench] expected the device ", device, ", got none: ", why));
  plugin->devices->set_device(0);
  return std::make_unique<PluginClock>(*plugin);
}

TimedCall timed_call(CaseClock& clock, std::function<void()> call, double sample_seconds) {
  constexpr int kMostCalls = 1 << 20;
  clock.seconds(call, 1);  // caches, plans, pages
  const double once = std::max(clock.seconds(call, 1), 1e-9);
  const int calls = int(std::clamp(std::ceil(sample_seconds / once), 1.0, double(kMostCalls)));
  return {std::move(call), calls};
}

}  // namespace engram::bench
