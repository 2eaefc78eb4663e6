#include "emulator/model/machine.h"

#include <algorithm>

namespace emu {

const std::vector<Machine>& machines() {
  static const std::vector<Machine> table = {
      {"H100 SXM 80 GB", 90, 132, 3.35e12, 66.9e12, "NVIDIA H100 data sheet and Hopper architecture white paper"},
      {"A100 SXM 80 GB", 80, 108, 2.039e12, 19.5e12, "NVIDIA A100 data sheet and Ampere architecture white paper"},
      {"RTX 4090", 89, 128, 1.008e12, 82.6e12, "NVIDIA Ada GPU architecture white paper"}};
  return table;
}

double roofline_seconds(const Machine& machine, std::int64_t bytes, std::int64_t flops) {
  return std::max(double(bytes) / machine.bytes_per_second, double(flops) / machine.flops_per_second);
}

}  // namespace emu
