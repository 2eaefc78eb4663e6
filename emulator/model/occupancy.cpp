#include "emulator/model/occupancy.h"

#include <stdexcept>
#include <string>

namespace emu {
namespace {

constexpr std::int64_t kKiB = 1024;

std::int64_t round_up(std::int64_t value, std::int64_t granularity) {
  return (value + granularity - 1) / granularity * granularity;
}

}  // namespace

const std::vector<MultiprocessorLimits>& multiprocessor_limits() {
  static const std::vector<MultiprocessorLimits> table = {{80, 64, 32, 65536, 256, 164 * kKiB, 128, kKiB},
                                                          {89, 48, 24, 65536, 256, 100 * kKiB, 128, kKiB},
                                                          {90, 64, 32, 65536, 256, 228 * kKiB, 128, kKiB},
                                                          {100, 64, 32, 65536, 256, 228 * kKiB, 128, kKiB}};
  return table;
}

const MultiprocessorLimits& limits_of(int compute_capability) {
  for (const auto& limits : multiprocessor_limits()) {
    if (limits.compute_capability == compute_capability) return limits;
  }
  throw std::out_of_range("no multiprocessor limits for compute capability " + std::to_string(compute_capability));
}

Occupancy occupancy(const MultiprocessorLimits& limits, int threads, int registers, std::int64_t shared_bytes) {
  const std::int64_t warps_per_block = (threads + 31) / 32;
  std::int64_t blocks = limits.max_warps / warps_per_block;
  const char* bound = "warps";
  const auto at_most = [&](std::int64_t limit, const char* name) {
    if (limit >= blocks) return;
    blocks = limit;
    bound = name;
  };
  at_most(limits.max_blocks, "blocks");
  if (registers > 0) {
    const std::int64_t warps = limits.registers / round_up(std::int64_t{registers} * 32, limits.register_granularity);
    at_most(warps / 4 * 4 / warps_per_block, "registers");  // a quarter of the warps on each of the four partitions
  }
  const std::int64_t shared = round_up(shared_bytes + limits.reserved_shared_bytes, limits.shared_granularity);
  at_most(limits.shared_bytes / shared, "shared memory");
  if (blocks == 0) return {0, 0.0, "does not fit"};
  const auto warps = int(blocks * warps_per_block);
  return {warps, double(warps) / limits.max_warps, bound};
}

}  // namespace emu
