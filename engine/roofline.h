#pragma once
/// The rates that a device reaches, against which the profiler holds each operation.
/// Threads: one at a time, with no other work beside it, or the rates are too low.
#include "engine/device.h"
#include "engine/profiler.h"

namespace engram {

/// Measures the rate of a 64 MiB copy by the elementwise kernel (bytes read plus bytes written) and that of an f32
/// matrix product (multiply and add as two), each by the fastest of the passes that fit into 25 ms (at least 5), after
/// one to warm up. Uses 128 MiB, which it gives back to the system with all else that the allocator keeps unused; the
/// allocator's peak figure starts anew. Throws OutOfMemory.
profiler::Roofline measure_roofline(Device device = {});

}  // namespace engram
