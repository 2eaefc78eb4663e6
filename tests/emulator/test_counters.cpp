/// Counts of the example kernels against counts by hand.

#include <gtest/gtest.h>

#include "emulator/counters.h"
#include "emulator/examples/examples.h"
#include "tests/emulator/counted_kernels.h"
#include "tests/emulator/device_array.h"

namespace emu::testing {
namespace {

LaunchCounts only_launch() {
  auto all = take_counts();
  EXPECT_EQ(all.size(), 1u);
  return all.empty() ? LaunchCounts{} : all[0];
}

class Counters : public ::testing::Test {
 protected:
  Counters() : options_(Order::kForward, 1, true) { take_counts(); }

  ScopedOptions options_;
};

TEST_F(Counters, VectorAddition) {
  constexpr int kCount4 = 256;
  DeviceArray<float> a(test_values(4 * kCount4)), b(test_values(4 * kCount4)), c(std::size_t{4} * kCount4);
  examples::add(a.get(), b.get(), c.get(), kCount4, nullptr);
  const auto counts = only_launch();
  EXPECT_EQ(counts.reads.requests, 2u * kCount4 / 32);
  EXPECT_EQ(counts.writes.requests, 1u * kCount4 / 32);
  EXPECT_EQ(counts.reads.sectors, 2u * kCount4 * 16 / 32);
  EXPECT_EQ(counts.reads.ideal_sectors, counts.reads.sectors);
  EXPECT_EQ(counts.reads.bytes, 2u * kCount4 * 16);
  EXPECT_EQ(counts.bytes_read, 2u * kCount4 * 16);
  EXPECT_EQ(counts.bytes_written, 1u * kCount4 * 16);
  EXPECT_EQ(counts.distinct_read, 2u * kCount4 * 16);
  EXPECT_EQ(counts.distinct_written, 1u * kCount4 * 16);
  EXPECT_EQ(counts.active_lanes(), 32.0);
  EXPECT_EQ(counts.sector_efficiency(), 1.0);
  EXPECT_EQ(counts.barriers, 0u);
  EXPECT_EQ(counts.block.x, 128u);
  EXPECT_EQ(counts.grid.x, 2u);
}

TEST_F(Counters, HalfFullWarp) {
  DeviceArray<float> a(test_values(64)), b(test_values(64)), c(64);
  examples::add(a.get(), b.get(), c.get(), 16, nullptr);
  EXPECT_EQ(only_launch().active_lanes(), 16.0);
}

TEST_F(Counters, TransposeWithAndWithoutPadding) {
  DeviceArray<float> x(test_values(64 * 64)), y(64 * 64);
  examples::transpose(x.get(), y.get(), 64, 64, nullptr);
  const auto padded = only_launch();
  EXPECT_EQ(padded.shared.requests, 2u * 64 * 64 / 32);
  EXPECT_EQ(padded.shared.conflicts(), 0u);
  EXPECT_EQ(padded.sector_efficiency(), 1.0);
  EXPECT_EQ(padded.barriers, 4u);
  EXPECT_EQ(padded.static_shared_bytes, 32u * 33 * 4);
  examples::transpose_conflicting(x.get(), y.get(), 64, 64, nullptr);
  const auto conflicting = only_launch();
  // Each of the 128 column reads takes 32 passes instead of one.
  EXPECT_EQ(conflicting.shared.conflicts(), 128u * 31);
}

TEST_F(Counters, StridedAndMisalignedReads) {
  DeviceArray<float> x(test_values(1024)), y(32);
  run_read(x.get(), y.get(), 0, 1);
  EXPECT_EQ(only_launch().reads.sectors, 4u);
  run_read(x.get(), y.get(), 1, 1);  // 128 bytes from byte 4 on
  auto counts = only_launch();
  EXPECT_EQ(counts.reads.sectors, 5u);
  EXPECT_EQ(counts.reads.ideal_sectors, 4u);
  run_read(x.get(), y.get(), 0, 8);  // each lane in a sector of its own
  counts = only_launch();
  EXPECT_EQ(counts.reads.sectors, 32u);
  EXPECT_EQ(counts.reads.ideal_sectors, 4u);
  EXPECT_EQ(counts.bytes_read, 32u * 32);
  EXPECT_EQ(counts.distinct_read, 128u);
  run_read(x.get(), y.get(), 0, 0);  // one address
  counts = only_launch();
  EXPECT_EQ(counts.reads.sectors, 1u);
  EXPECT_EQ(counts.reads.ideal_sectors, 1u);
}

TEST_F(Counters, LoopsAreGroupedByOccurrence) {
  DeviceArray<float> x(test_values(320)), y(32);
  run_row_sums(x.get(), y.get(), 10);
  const auto counts = only_launch();
  EXPECT_EQ(counts.reads.requests, 10u);
  EXPECT_EQ(counts.reads.sectors, 40u);
  // Lane i makes i % 4 + 1 rounds, each with one read; a __syncwarp lies between.
  run_unequal_loops(x.get(), y.get());
  const auto unequal = only_launch();
  EXPECT_EQ(unequal.reads.requests, 4u + 1u);
  EXPECT_EQ(unequal.reads.active_lanes, 32u + 24u + 16u + 8u + 32u);
}

TEST_F(Counters, SharedAccessOfEachWidth) {
  DeviceArray<float> y(128);
  run_shared_widths(y.get());
  const auto counts = only_launch();
  EXPECT_EQ(counts.shared.conflicts(), 0u) << "float, float2 and float4 rows have no conflicts";
  EXPECT_EQ(counts.shared.passes, 2u * (1 + 2 + 4));
}

TEST_F(Counters, SharedAtomicsAtOneWord) {
  DeviceArray<unsigned> y(1);
  run_shared_atomics(y.get());
  const auto counts = only_launch();
  EXPECT_EQ(counts.shared.conflicts(), 31u);
  EXPECT_EQ(y.values()[0], 32u);
}

TEST_F(Counters, AreTheSameEveryTime) {
  DeviceArray<float> x(test_values(3 * 5 * 49)), mean(5), variance(5);
  examples::channel_statistics(x.get(), mean.get(), variance.get(), 3, 5, 49, 96, nullptr);
  examples::channel_statistics(x.get(), mean.get(), variance.get(), 3, 5, 49, 96, nullptr);
  const auto counts = take_counts();
  ASSERT_EQ(counts.size(), 2u);
  EXPECT_EQ(counts[0].reads.sectors, counts[1].reads.sectors);
  EXPECT_EQ(counts[0].bytes_read, counts[1].bytes_read);
  EXPECT_EQ(counts[0].shared.passes, counts[1].shared.passes);
  EXPECT_EQ(counts[0].warp_operations, counts[1].warp_operations);
  EXPECT_GT(counts[0].warp_operations, 0u);
}

TEST_F(Counters, SecondPassOverMuchDataIsCounted) {
  DeviceArray<float> small(test_values(1024)), big(test_values(65536)), y(256);
  run_two_passes(small.get(), y.get(), 1024);
  EXPECT_EQ(only_launch().bytes_read, 4096u) << "4 KiB stay in the cache model";
  run_two_passes(big.get(), y.get(), 65536);
  EXPECT_EQ(only_launch().bytes_read, 2u * 262144) << "256 KiB do not";
}

TEST_F(Counters, NamesOfKernels) {
  DeviceArray<float> x(test_values(64 * 64)), y(64 * 64);
  examples::transpose(x.get(), y.get(), 64, 64, nullptr);
  const auto counts = only_launch();
  EXPECT_EQ(counts.kernel, "(transpose_kernel<kPadding>)");
  EXPECT_EQ(kernel_name(counts.function, counts.kernel), "emu::examples::(anonymous namespace)::transpose_kernel<1>");
  EXPECT_EQ(kernel_name(nullptr, "fallback"), "fallback");
}

TEST_F(Counters, OffByDefault) {
  options().count = false;
  DeviceArray<float> x(test_values(64)), y(64), z(64);
  examples::add(x.get(), x.get(), z.get(), 16, nullptr);
  EXPECT_TRUE(take_counts().empty());
}

}  // namespace
}  // namespace emu::testing
