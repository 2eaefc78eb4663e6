#include "engine/device.h"

#include <charconv>
#include <mutex>

#include "engine/backend.h"
#include "engine/profiler.h"
#include "kernels/common/error.h"
#include "kernels/common/parallel.h"
#include "kernels/plugin/plugin_loader.h"

namespace engram {
namespace {

constexpr int kMaxDevices = 64;

/// A plug-in that is open, with a stream for each of its devices.
struct OpenPlugin {
  const kernels::Plugin* plugin = nullptr;
  int num_devices = 0;
  std::string why_not;
  std::mutex mutex;
  kernels::Stream streams[kMaxDevices];
};

kernels::PluginKind plugin_kind(DeviceType type) {
  return type == DeviceType::kCuda ? kernels::PluginKind::kCuda : kernels::PluginKind::kEmu;
}

void wait_for_current_device() noexcept;

/// The plug-in of a kind of device, looked for at the first call. Never destroyed: tensors in static storage may be
/// freed after any destructor would have run.
OpenPlugin& plugin_of(DeviceType type) {
  static std::once_flag once[2];
  static OpenPlugin* const plugins[2] = {new OpenPlugin, new OpenPlugin};
  const int slot = type == DeviceType::kCuda ? 0 : 1;
  OpenPlugin& p = *plugins[slot];
  std::call_once(once[slot], [&] {
    p.plugin = kernels::open_plugin(plugin_kind(type), p.why_not);
    if (!p.plugin) return;
    p.num_devices = std::min(p.plugin->devices->num_devices(p.why_not), kMaxDevices);
    if (p.num_devices == 0) return;
    profiler::set_range_functions(p.plugin->devices->push_range, p.plugin->devices->pop_range);
    profiler::set_wait_function(wait_for_current_device);
  });
  return p;
}

const char* kind_name(DeviceType type) {
  return type == DeviceType::kCpu ? "cpu" : type == DeviceType::kCuda ? "cuda" : "emu";
}

const kernels::DeviceApi& api_of(DeviceType type) {
  return *plugin_of(type).plugin->devices;
}

/// The calling thread's state for devices with plug-ins.
struct ThreadDevices {
  Device current;  ///< cpu: not set yet
  kernels::Stream streams[2][kMaxDevices];
};
ThreadDevices& thread_devices() {
  static thread_local ThreadDevices devices;
  return devices;
}

kernels::Stream& thread_stream(const Device& device) {
  return thread_devices().streams[device.type == DeviceType::kCuda ? 0 : 1][device.index];
}

void make_current(const Device& device) {
  if (kernels::in_forked_child())
    throw DeviceError(message("[device] expected a process of its own for ", to_string(device),
                              ", got a child of fork(): start a new process (exec) instead"));
  ThreadDevices& thread = thread_devices();
  if (thread.current == device) return;
  api_of(device.type).set_device(device.index);
  thread.current = device;
}

/// Waits for the calling thread's work on its current device. A failure shows in the next call.
void wait_for_current_device() noexcept {
  const Device device = thread_devices().current;
  if (device.is_cpu()) return;
  try {
    synchronize(device);
  } catch (const std::exception&) {
  }
}

/// The device's stream for threads that chose none.
kernels::Stream default_stream(const Device& device) {
  OpenPlugin& p = plugin_of(device.type);
  const std::lock_guard lock(p.mutex);
  kernels::Stream& stream = p.streams[device.index];
  if (!stream.handle) stream = p.plugin->devices->create_stream();
  return stream;
}

/// The device of one kind with this index. Throws DeviceError.
Device checked_device(DeviceType type, int index) {
  const OpenPlugin& p = plugin_of(type);
  if (p.num_devices == 0) throw DeviceError(message("[device] ", kind_name(type), " is not available: ", p.why_not));
  if (index < 0 || index >= p.num_devices)
    throw DeviceError(message("[device] expected ", kind_name(type), ":0",
                              p.num_devices > 1 ? message(" to ", kind_name(type), ":", p.num_devices - 1) : "",
                              ", got ", kind_name(type), ":", index, ": there ",
                              p.num_devices == 1 ? "is 1 device" : "are ",
                              p.num_devices == 1 ? "" : message(p.num_devices, " devices")));
  return {type, index};
}

[[noreturn]] void unknown_device(const std::string& text) {
  throw DeviceError(message("[device] expected auto, cpu, cuda, cuda:N, emu or emu:N, got '", text, "'"));
}

}  // namespace

std::string to_string(const Device& device) {
  if (device.type == DeviceType::kCuda) return message("cuda:", device.index);
  if (device.type == DeviceType::kEmu) return device.index == 0 ? "emu" : message("emu:", device.index);
  return "cpu";
}

Device parse_device(const std::string& text, std::string* note) {
  if (text == "cpu") return {};
  if (text == "auto") {
    const OpenPlugin& cuda = plugin_of(DeviceType::kCuda);
    const Device chosen = cuda.num_devices > 0 ? Device{DeviceType::kCuda, 0} : Device{};
    if (note)
      *note = chosen.is_cpu() ? message("device auto: cpu (cuda is not available: ", cuda.why_not, ")")
                              : message("device auto: cuda:0 (", device_properties(chosen).name, ")");
    return chosen;
  }
  const auto colon = text.find(':');
  const std::string kind = text.substr(0, colon);
  if (kind != "cuda" && kind != "emu") unknown_device(text);
  int index = 0;
  if (colon != std::string::npos) {
    const char* const end = text.data() + text.size();
    const auto [rest, error] = std::from_chars(text.data() + colon + 1, end, index);
    if (error != std::errc() || rest != end || index < 0) unknown_device(text);
  }
  return checked_device(kind == "cuda" ? DeviceType::kCuda : DeviceType::kEmu, index);
}

std::vector<DeviceKind> list_devices() {
  std::vector<DeviceKind> kinds = {{DeviceType::kCpu, {Device{}}, ""}};
  for (const DeviceType type : {DeviceType::kCuda, DeviceType::kEmu}) {
    const OpenPlugin& p = plugin_of(type);
    DeviceKind kind{type, {}, p.why_not};
    for (int i = 0; i < p.num_devices; ++i) kind.devices.push_back({type, i});
    kinds.push_back(std::move(kind));
  }
  return kinds;
}

kernels::DeviceProperties device_properties(const Device& device) {
  if (device.is_cpu()) throw UsageError("[device] expected a device of a plug-in, got cpu");
  return api_of(device.type).properties(device.index);
}

const kernels::Backend& backend(const Device& device) {
  return device.is_cpu() ? kernels::cpu_backend() : *plugin_of(device.type).plugin->backend;
}

kernels::Stream current_stream(const Device& device) {
  if (device.is_cpu()) return {};
  make_current(device);
  kernels::Stream& stream = thread_stream(device);
  if (!stream.handle) stream = default_stream(device);
  return stream;
}

const kernels::DeviceApi& device_api(const Device& device) {
  if (device.is_cpu()) throw UsageError("[device] expected a device of a plug-in, got cpu");
  make_current(device);
  return api_of(device.type);
}

void synchronize(const Device& device) {
  if (!device.is_cpu()) device_api(device).synchronize_stream(current_stream(device));
}

StreamGuard::StreamGuard(const Device& device, kernels::Stream stream) : device_(device), before_() {
  if (device.is_cpu()) return;
  before_ = current_stream(device);
  thread_stream(device) = stream;
}

StreamGuard::~StreamGuard() {
  if (!device_.is_cpu()) thread_stream(device_) = before_;
}

}  // namespace engram
