/// Occupancy against worked examples, the roofline's two sides.

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "emulator/model/machine.h"
#include "emulator/model/occupancy.h"

namespace emu {
namespace {

TEST(Occupancy, WorkedExamples) {
  const auto& h100 = limits_of(90);
  // 32 registers: 65536 / 1024 = 64 warps.
  EXPECT_EQ(occupancy(h100, 256, 32, 0).warps, 64);
  // 40 registers: 1280 a warp, 51 warps, 48 in quarters, six blocks of eight.
  EXPECT_EQ(occupancy(h100, 256, 40, 0).warps, 48);
  EXPECT_STREQ(occupancy(h100, 256, 40, 0).bound, "registers");
  EXPECT_EQ(occupancy(h100, 1024, 64, 0).warps, 32);
  EXPECT_EQ(occupancy(h100, 32, 16, 0).warps, 32);
  EXPECT_STREQ(occupancy(h100, 32, 16, 0).bound, "blocks");
  // 48 KiB and the reserved KiB: four blocks in 228 KiB.
  EXPECT_EQ(occupancy(h100, 128, 32, 48 << 10).warps, 16);
  EXPECT_STREQ(occupancy(h100, 128, 32, 48 << 10).bound, "shared memory");
  EXPECT_EQ(occupancy(limits_of(80), 128, 32, 48 << 10).warps, 12);
  EXPECT_EQ(occupancy(limits_of(89), 256, 32, 0).warps, 48);
  EXPECT_STREQ(occupancy(limits_of(89), 256, 32, 120 << 10).bound, "does not fit");
  EXPECT_EQ(occupancy(limits_of(100), 96, 32, 0).warps, 63);
}

TEST(Occupancy, UnknownCapabilityIsAnError) {
  EXPECT_THROW(limits_of(42), std::out_of_range);
}

TEST(Roofline, SlowerOfMemoryAndArithmetic) {
  for (const auto& machine : machines()) {
    EXPECT_DOUBLE_EQ(roofline_seconds(machine, 1000000, 0), 1e6 / machine.bytes_per_second);
    EXPECT_DOUBLE_EQ(roofline_seconds(machine, 1, 1000000), 1e6 / machine.flops_per_second);
    EXPECT_NO_THROW(limits_of(machine.compute_capability));
    EXPECT_FALSE(std::string(machine.source).empty());
  }
}

}  // namespace
}  // namespace emu
