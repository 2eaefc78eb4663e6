/// The measured roofline, and the profiler's table against it.

#include <gtest/gtest.h>

#include "engine/allocator.h"
#include "engine/ops.h"
#include "engine/roofline.h"

namespace engram {
namespace {

TEST(Roofline, RatesAreThoseOfAMachineAndTheMemoryIsGivenBack) {
  const auto live = CachingAllocator::cpu().stats().live_bytes;
  const profiler::Roofline roofline = measure_roofline();
  EXPECT_GT(roofline.bytes_per_s, 1e7);
  EXPECT_LT(roofline.bytes_per_s, 1e13);
  EXPECT_GT(roofline.flops_per_s, 1e7);
  EXPECT_LT(roofline.flops_per_s, 1e15);
  const AllocatorStats after = CachingAllocator::cpu().stats();
  EXPECT_EQ(after.live_bytes, live);
  EXPECT_EQ(after.peak_live_bytes, live);
  EXPECT_EQ(after.cached_bytes, 0);
}

TEST(Roofline, TableNamesEachOperationWithItsShareOfTheRoofline) {
  profiler::reset();
  profiler::enable(true);
  const Tensor x = Tensor::full({1000, 100}, 1.f);
  add(x, x);
  add(x, x);
  profiler::enable(false);
  const auto records = profiler::records();
  ASSERT_EQ(records.size(), 1u);
  EXPECT_EQ(records[0].calls, 2);
  EXPECT_EQ(records[0].cost.bytes_written, 2 * 400000);
  const std::string table = profiler::table({.bytes_per_s = 1e10, .flops_per_s = 1e11});
  EXPECT_NE(table.find(records[0].name), std::string::npos) << table;
  EXPECT_NE(table.find("% of roofline"), std::string::npos) << table;
  profiler::reset();
}

}  // namespace
}  // namespace engram
