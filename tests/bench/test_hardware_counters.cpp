/// Counters of the processor: few virtual machines have them, so what is held here is the mechanism, by an event that
/// the kernel itself counts.

#include <gtest/gtest.h>
#include <linux/perf_event.h>
#include <sys/mman.h>
#include <unistd.h>

#include <latch>
#include <thread>

#include "bench/engram_bench/hardware_counters.h"

namespace engram::bench {
namespace {

/// Makes `count` page faults.
void touch_new_pages(int count) {
  const auto page = std::size_t(sysconf(_SC_PAGESIZE));
  const std::size_t bytes = page * std::size_t(count);
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  madvise(memory, bytes, MADV_NOHUGEPAGE);
  for (std::size_t at = 0; at < bytes; at += page) static_cast<volatile char*>(memory)[at] = 1;
  munmap(memory, bytes);
}

TEST(EventCounter, CountsThisThreadAndThoseThatItStartsWhileTheyRun) {
  const EventCounter faults(PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS);
  if (!faults.reason().empty()) GTEST_SKIP() << faults.reason();
  const double before = faults.count();
  touch_new_pages(100);
  const double own = faults.count() - before;
  EXPECT_GE(own, 100);
  EXPECT_LT(own, 200);
  std::latch touched(1), looked(1);
  std::thread other([&] {
    touch_new_pages(300);
    touched.count_down();
    looked.wait();
  });
  touched.wait();
  const double both = faults.count() - before;
  looked.count_down();
  other.join();
  EXPECT_GE(both, own + 300);
  EXPECT_LT(both, own + 400);
}

TEST(EventCounter, SaysWhyThereIsNone) {
  constexpr std::uint32_t kNoType = 0x7fffffff;
  const EventCounter none(kNoType, 0);
  EXPECT_EQ(none.reason().find("perf_event_open: "), 0u) << none.reason();
  EXPECT_EQ(none.count(), 0);
}

TEST(HardwareCounters, CountOrSayWhyNot) {
  const HardwareCounters counters;
  volatile int sum = 0;
  const HardwareCounts before = counters.counts();
  for (int i = 0; i < 1000000; ++i) sum = sum + i;
  const HardwareCounts after = counters.counts();
  EXPECT_TRUE(counters.reason().empty() || !after.known()) << counters.reason();
  EXPECT_TRUE(!after.known() || after.instructions - before.instructions > 1e6);  // they may be there and stay at 0
}

}  // namespace
}  // namespace engram::bench
