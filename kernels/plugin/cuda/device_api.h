#pragma once
/// The device table of the CUDA plug-in.

#include "kernels/plugin/plugin.h"

namespace engram::kernels::cuda {

/// The CUDA runtime's memory, streams, events and graphs.
const DeviceApi& device_api();

}  // namespace engram::kernels::cuda
