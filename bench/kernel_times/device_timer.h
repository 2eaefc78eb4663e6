#pragma once
/// Times work on a device by its own events.

#include <functional>

#include "bench/kernel_cases/kernel_case.h"
#include "kernels/plugin/plugin.h"

namespace engram::bench {

/// Opens device 0 of a plug-in ("cuda" or "emu"). Throws DeviceError.
const kernels::Plugin& open_device(const std::string& name);

/// Its kernels and memory, for the cases.
CaseDevice case_device(const kernels::Plugin& plugin);

/// Median over `rounds` of the milliseconds of one call, each round `calls` calls on the default stream between two
/// events, after a round that is not counted.
float median_ms(const kernels::DeviceApi& api, const std::function<void()>& call, int calls, int rounds);

}  // namespace engram::bench
