/// The caching allocator: reuse, figures, limit.

#include <gtest/gtest.h>

#include "engine/allocator.h"
#include "engine/tensor.h"

namespace engram {
namespace {

TEST(Allocator, FreedBlocksAreReused) {
  auto& allocator = CachingAllocator::cpu();
  void* first = allocator.allocate(5 << 20);
  allocator.deallocate(first);
  const auto before = allocator.stats().num_system_allocations;
  void* second = allocator.allocate(5 << 20);
  EXPECT_EQ(second, first);
  EXPECT_EQ(allocator.stats().num_system_allocations, before);
  allocator.deallocate(second);
}

TEST(Allocator, PeakFollowsLiveBytes) {
  auto& allocator = CachingAllocator::cpu();
  const auto live = allocator.stats().live_bytes;
  allocator.reset_peak();
  {
    const Tensor a = Tensor::empty({1 << 20}), b = Tensor::empty({1 << 20});
    EXPECT_EQ(allocator.stats().live_bytes - live, 8 << 20);
  }
  EXPECT_EQ(allocator.stats().live_bytes, live);
  EXPECT_EQ(allocator.stats().peak_live_bytes - live, 8 << 20);
}

TEST(Allocator, AnAllocationBeyondTheLimitThrowsAndHarmsNothing) {
  auto& allocator = CachingAllocator::cpu();
  const auto live = allocator.stats().live_bytes;
  allocator.set_limit(live + (4 << 20));
  EXPECT_THROW(Tensor::empty({2 << 20}), OutOfMemory);
  EXPECT_NO_THROW(Tensor::empty({1 << 18}));
  allocator.set_limit(0);
  EXPECT_EQ(allocator.stats().live_bytes, live);
}

}  // namespace
}  // namespace engram
