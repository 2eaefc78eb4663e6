#pragma once
/// What runs on a device, for operations and for the engine itself; tensors need engine/device.h alone.
/// Threads: any may ask; what a thread queues goes to its own stream.
#include "engine/device.h"
#include "kernels/backend.h"
#include "kernels/plugin/plugin.h"

namespace engram {

/// The kernels of a device. Who calls a family includes its header.
const kernels::Backend& backend(const Device& device);

/// Memory, streams and events of a device that is not the CPU, made the calling thread's current one. Throws UsageError
/// for the CPU.
const kernels::DeviceApi& device_api(const Device& device);

}  // namespace engram
