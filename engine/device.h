#pragma once
/// Where a tensor lives and which back end runs its kernels.

#include <string>

#include "kernels/backend.h"

namespace engram {

enum class DeviceType { kCpu };

/// A device, for example cpu.
struct Device {
  DeviceType type = DeviceType::kCpu;
  int index = 0;
  bool operator==(const Device&) const = default;
};

/// "cpu".
std::string to_string(const Device& device);

/// Reads "cpu" or "auto" (the best device there is). Throws DeviceError that names the devices of this build.
Device parse_device(const std::string& text);

/// The kernels of a device.
const kernels::Backend& backend(const Device& device);

/// The queue of a device on which the calling thread issues work.
kernels::Stream current_stream(const Device& device);

}  // namespace engram
