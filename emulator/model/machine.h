#pragma once
/// A roofline model of three GPUs. A model: peak figures of data sheets, never measured here.

#include <cstdint>
#include <vector>

namespace emu {

/// Peak figures of one GPU.
struct Machine {
  const char* name;
  int compute_capability;
  int multiprocessors;
  double bytes_per_second;  ///< of device memory
  double flops_per_second;  ///< f32, without tensor cores, multiply-add as two
  const char* source;
};

const std::vector<Machine>& machines();

/// Lower bound of the time of a kernel that moves so many bytes and computes so much, in seconds: the slower of memory
/// and arithmetic at their peaks. Launch overhead, latency and waiting are not in it.
double roofline_seconds(const Machine& machine, std::int64_t bytes, std::int64_t flops);

}  // namespace emu
