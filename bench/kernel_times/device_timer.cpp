#include "bench/kernel_times/device_timer.h"

#include <algorithm>
#include <cstring>
#include <new>

#include "kernels/common/error.h"
#include "kernels/plugin/plugin_loader.h"

namespace engram::bench {
namespace {

const kernels::DeviceApi* opened = nullptr;  // CaseDevice takes plain functions

void copy_in(void* device, const void* host, std::size_t bytes) {
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

}  // namespace

const kernels::Plugin& open_device(const std::string& name) {
  std::string why;
  const auto* plugin =
      kernels::open_plugin(name == "emu" ? kernels::PluginKind::kEmu : kernels::PluginKind::kCuda, why);
  if (!plugin || plugin->devices->num_devices(why) == 0)
    throw DeviceError(message("[kernel-times] expected the device ", name, ", got none: ", why));
  plugin->devices->set_device(0);
  return *plugin;
}

CaseDevice case_device(const kernels::Plugin& plugin) {
  opened = plugin.devices;
  return {*plugin.backend, plugin.devices->allocate, [](void* memory) { opened->deallocate(memory); }, copy_in};
}

float median_ms(const kernels::DeviceApi& api, const std::function<void()>& call, int calls, int rounds) {
  const kernels::Event start = api.create_event(true), end = api.create_event(true);
  std::vector<float> times;
  for (int round = 0; round <= rounds; ++round) {
    api.record_event(start, {});
    for (int i = 0; i < calls; ++i) call();
    api.record_event(end, {});
    api.synchronize_event(end);
    if (round > 0) times.push_back(api.elapsed_ms(start, end) / float(calls));
  }
  api.destroy_event(start);
  api.destroy_event(end);
  std::nth_element(times.begin(), times.begin() + std::ptrdiff_t(times.size() / 2), times.end());
  return times[times.size() / 2];
}

}  // namespace engram::bench
