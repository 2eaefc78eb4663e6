#pragma once
/// What one call of a kernel must move and compute at least; the yardstick of the profiler, the gates and the roofline.

#include <cstdint>

namespace engram {

/// Declared minimum of one call: each operand counted once, multiply and add as two operations.
struct Cost {
  std::int64_t bytes_read = 0;
  std::int64_t bytes_written = 0;
  std::int64_t flops = 0;

  Cost& operator+=(const Cost& other) {
    bytes_read += other.bytes_read;
    bytes_written += other.bytes_written;
    flops += other.flops;
    return *this;
  }
};

}  // namespace engram
