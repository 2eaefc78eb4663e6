#pragma once
/// One iteration of NaturalInversion as text.

#include <cstdint>
#include <ostream>
#include <string>

namespace engram::bench {

/// Counts an iteration on the emulated device and prints calls, bytes and operations of each operation, the traffic of
/// a batch, the nodes of its graph, and a roofline estimate for some GPUs (a model: peak figures, nothing measured).
/// Returns 0.
int print_iteration(std::ostream& out, const std::string& arch, std::int64_t batch);

}  // namespace engram::bench
