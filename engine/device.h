#pragma once
/// Where a tensor lives. What runs there is asked for in engine/backend.h.
///
/// Threads: each has its current device and streams. A child of fork() can use the CPU alone; other devices throw
/// DeviceError there.

#include <string>
#include <vector>

#include "kernels/common/stream.h"
#include "kernels/common/types.h"

namespace engram {

namespace kernels {
struct DeviceProperties;
}

enum class DeviceType {
  kCpu,
  kCuda,  ///< an NVIDIA GPU
  kEmu,   ///< the CUDA kernels and their host code on an emulated device: for tests
};

/// A device, for example cpu or cuda:0.
struct Device {
  DeviceType type = DeviceType::kCpu;
  int index = 0;
  bool operator==(const Device&) const = default;
  bool is_cpu() const { return type == DeviceType::kCpu; }
};

/// "cpu", "cuda:0", "emu" ("emu:1" for a second one).
std::string to_string(const Device& device);

/// Reads "cpu", "cuda" (the first one), "cuda:N", "emu", "emu:N" or "auto", and makes the device ready: opens its
/// plug-in. "auto" is the first CUDA device, else the CPU. With `note`, says there in one line what "auto" chose and
/// why. Throws DeviceError, exit code 4, that says why a device is not available: no plug-in, no driver, a driver too
/// old, an index out of range.
Device parse_device(const std::string& text, std::string* note = nullptr);

/// One kind of device of this build on this machine, for reports.
struct DeviceKind {
  DeviceType type;
  std::vector<Device> devices;  ///< empty when there is none
  std::string why_not;          ///< then the reason
};

/// cpu, cuda and emu. Opens the plug-ins.
std::vector<DeviceKind> list_devices();

/// What a device of a plug-in is (the type is in kernels/plugin/plugin.h). Throws UsageError for the CPU.
kernels::DeviceProperties device_properties(const Device& device);

/// The queue of a device on which the calling thread issues work. Makes the device the thread's current one.
kernels::Stream current_stream(const Device& device);

/// Waits until the calling thread's stream of the device has run all its work. Nothing on the CPU.
void synchronize(const Device& device);

/// While it lives, the calling thread issues work for the device on another stream.
class StreamGuard {
 public:
  StreamGuard(const Device& device, kernels::Stream stream);
  ~StreamGuard();
  StreamGuard(const StreamGuard&) = delete;

 private:
  Device device_;
  kernels::Stream before_;
};

/// Channels in a block of Layout::kBlocked: 16 on the CPU, all of them (channels-last) elsewhere.
inline dim_t channel_block(const Device& device, dim_t channels) {
  return device.is_cpu() ? kCpuChannelBlock : channels;
}

/// Whether activations with this many channels can be Layout::kBlocked on the device.
inline bool can_block_channels(const Device& device, dim_t channels) {
  return channels > 0 && channels % channel_block(device, channels) == 0;
}

}  // namespace engram
