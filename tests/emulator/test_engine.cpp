/// The engine does what CUDA says: indices, barriers, warp operations, atomics, limits; the same in every order.

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <vector>

#include "emulator/dialect/half.h"
#include "emulator/emulator.h"
#include "tests/emulator/device_array.h"
#include "tests/emulator/example_cases.h"
#include "tests/emulator/orders.h"
#include "tests/emulator/semantics.h"

namespace emu::testing {
namespace {

// What warp_operations() must give lane `lane` in `row`.
int expected_of(int row, int lane) {
  const auto value = [](int l) { return 3 * l - 40; };
  int sum = 0, all_and = -1, all_or = 0, all_xor = 0;
  unsigned ballot = 0, least = ~0u, most = 0;
  for (int l = 0; l < 32; ++l) {
    sum += value(l);
    all_and &= value(l);
    all_or |= value(l);
    all_xor ^= value(l);
    ballot |= unsigned(l % 3 == 0) << l;
    least = std::min(least, unsigned(value(l)));
    most = std::max(most, unsigned(value(l)));
  }
  switch (row) {
    case kShuffleRow:
      return value((lane + 5) % 32);
    case kShuffleWidth8Row:
      return value(lane / 8 * 8 + 3);
    case kShuffleUpRow:
      return value(lane < 2 ? lane : lane - 2);
    case kShuffleDownRow:
      return value(lane > 29 ? lane : lane + 2);
    case kShuffleDownWidth16Row:
      return value(lane % 16 > 11 ? lane : lane + 4);
    case kShuffleXorRow:
      return value(lane ^ 9);
    case kBallotRow:
      return int(ballot);
    case kAnyRow:
      return 1;
    case kAllRow:
      return 0;
    case kMatchAnyRow:
      return int(0x11111111u << lane % 4);
    case kMatchAllRow:
      return -1;
    case kMatchAllPredicateRow:
      return 1;
    case kAddRow:
      return sum;
    case kMinRow:
      return value(0);
    case kMaxRow:
      return value(31);
    case kMinUnsignedRow:
      return int(least);
    case kMaxUnsignedRow:
      return int(most);
    case kAndRow:
      return all_and;
    case kOrRow:
      return all_or;
    case kXorRow:
      return all_xor;
    case kHalfMaskRow:
      return lane < 16 ? 120 : 376;
    case kTileRankRow:
      return lane % 8;
    case kTileGroupRow:
      return lane / 8;
    case kTileSumRow:
      return 8 * (lane / 8 * 8) + 28;
    case kTileBallotRow:
      return int(ballot >> lane / 8 * 8);  // as in CUDA, the bits above the tile are not its own; masked below
    case kTileOfTileRow:
      return lane % 8 / 4 * 10 + 2;
    case kTileReduceRow:
      return 8 * (lane / 8 * 8) + 28;
    case kTileGreatestRow: {
      int greatest = -1000;
      for (int l = lane / 8 * 8; l < lane / 8 * 8 + 8; ++l) greatest = std::max(greatest, l % 2 ? value(l) : -value(l));
      return greatest;
    }
    case kGridRankRow:
      return lane;
    case kCoalescedRankRow:
      return lane / 4 * 3 + lane % 4;
    case kCoalescedShuffleRow:
      return value(6);  // ranks 0, 1, 2 are lanes 0, 1, 2; 3, 4, 5 are 4, 5, 6
    case kCoalescedBallotRow: {
      unsigned ranks = 0, rank = 0;
      for (int l = 0; l < 32; ++l) {
        if (l % 4 != 3) ranks |= (ballot >> l & 1u) << rank++;
      }
      return int(ranks);
    }
    case kCoalescedReduceRow:
      return 31 * 16 - (3 + 7 + 11 + 15 + 19 + 23 + 27 + 31);
    case kDoubleShuffleRow:
      return (lane ^ 1) * 2 + 1;
    default:
      return lane ^ 1;
  }
}

TEST(Engine, WarpOperations) {
  for (const Order order : kOrders) {
    const ScopedOptions scope(order);
    DeviceArray<int> out(kWarpRows * 32);
    warp_operations(out.get());
    const auto values = out.values();
    for (int row = 0; row < kWarpRows; ++row) {
      for (int lane = 0; lane < 32; ++lane) {
        const bool coalesced = row >= kCoalescedRankRow && row <= kCoalescedReduceRow;
        if (coalesced && lane % 4 == 3) continue;  // these lanes have left
        const int mask = row == kTileBallotRow ? 0xff : -1;
        EXPECT_EQ(values[std::size_t(row * 32 + lane)], expected_of(row, lane) & mask)
            << "row " << row << " lane " << lane;
      }
    }
    EXPECT_EQ(describe(take_reports()), "");
  }
}

TEST(Engine, BarrierPredicates) {
  for (const Order order : kOrders) {
    for (const int threads : {1, 31, 64, 100, 1024}) {
      const ScopedOptions scope(order);
      DeviceArray<int> out(std::size_t(2 * threads * 3));
      barrier_predicates(out.get(), 2, threads);
      const auto values = out.values();
      for (std::size_t i = 0; i < values.size(); i += 3) {
        EXPECT_EQ(values[i], (threads + 2) / 3);
        EXPECT_EQ(values[i + 1], threads == 1);
        EXPECT_EQ(values[i + 2], 1);
      }
    }
  }
}

TEST(Engine, IndicesOfThreeDimensionalGrids) {
  for (const int workers : {1, 3}) {
    const ScopedOptions scope(Order::kForward, workers);
    DeviceArray<int> out(3 * 2 * 4 * 5 * 3 * 2);
    thread_indices(out.get());
    const auto values = out.values();
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(values[i], int(i) + 1);
  }
}

TEST(Engine, Atomics) {
  for (const int workers : {1, 2}) {
    const ScopedOptions scope(Order::kRandom, workers);
    DeviceArray<unsigned> out(std::vector<unsigned>{0, 1000, 0, 1000, 0xffffffffu, 0, 0, 0, 0, 1, 0});
    atomics(out.get());
    const auto v = out.values();
    unsigned all_xor = 0;
    for (unsigned rank = 0; rank < 256; ++rank) all_xor ^= rank;
    const std::vector<unsigned> expected = {512,     1000 - 256, 255, 0, 0xffff0000u, 0xffffu,
                                            all_xor, 256 % 10,   4,   5, 256};
    EXPECT_EQ(v, expected);
  }
}

TEST(Engine, ExamplesAreRightInEveryOrderAndWithWorkers) {
  for (const Order order : kOrders) {
    for (const int workers : {1, 2, 3}) {
      const ScopedOptions scope(order, workers);
      EXPECT_EQ(run_examples(), "");
      EXPECT_EQ(describe(take_reports()), "");
    }
  }
}

TEST(Engine, OrdersDifferAndSeedsRepeat) {
  const auto result = [](Order order, std::uint64_t seed) {
    const ScopedOptions scope(order);
    options().seed = seed;
    options().check = false;
    DeviceArray<int> out(64);
    order_dependent(out.get());
    return out.values();
  };
  const auto forward = result(Order::kForward, 1);
  EXPECT_EQ(forward, result(Order::kForward, 2));
  EXPECT_NE(forward, result(Order::kReverse, 1));
  EXPECT_NE(forward, result(Order::kRandom, 1));
  EXPECT_EQ(result(Order::kRandom, 1), result(Order::kRandom, 1));
  EXPECT_NE(result(Order::kRandom, 1), result(Order::kRandom, 2));
}

TEST(Engine, ExtentsThatCudaRefuses) {
  const ScopedOptions scope;
  launch_extents(1, 1024, 1, 1);
  launch_extents(65535, 1, 1, 64);
  EXPECT_EQ(take_launch_status(), LaunchStatus::kSuccess);
  const unsigned refused[][4] = {{1, 1025, 1, 1},  {1, 32, 33, 1}, {1, 1, 1, 65},
                                 {65536, 1, 1, 1}, {0, 1, 1, 1},   {1, 0, 1, 1}};
  for (const auto& e : refused) {
    launch_extents(e[0], e[1], e[2], e[3]);
    EXPECT_EQ(take_launch_status(), LaunchStatus::kInvalidConfiguration);
  }
  const auto reports = take_reports();
  ASSERT_FALSE(reports.empty());
  EXPECT_EQ(reports[0].tool, Tool::kLaunch);
  EXPECT_NE(reports[0].text.find("block (1025,1,1): at most 1024 threads"), std::string::npos) << reports[0].text;
}

TEST(Engine, DynamicSharedMemoryNeedsAnOptInAbove48KiB) {
  const ScopedOptions scope;
  DeviceArray<unsigned char> out(1);
  dynamic_shared_kernel(out.get(), 48 << 10);
  EXPECT_EQ(take_launch_status(), LaunchStatus::kSuccess);
  EXPECT_EQ(out.values()[0], 42);
  dynamic_shared_kernel(out.get(), (48 << 10) + 1);
  EXPECT_EQ(take_launch_status(), LaunchStatus::kInvalidValue);
  EXPECT_FALSE(opt_in(228 << 10));
  EXPECT_TRUE(opt_in(100 << 10));
  dynamic_shared_kernel(out.get(), 100 << 10);
  EXPECT_EQ(take_launch_status(), LaunchStatus::kSuccess);
}

TEST(Engine, DeadlockIsAReportAndAFailedLaunchAndNotTheEnd) {
  const ScopedOptions scope;
  DeviceArray<int> out(64);
  deadlock(out.get());
  EXPECT_EQ(take_launch_status(), LaunchStatus::kLaunchFailure);
  const auto reports = take_reports();
  ASSERT_FALSE(reports.empty());
  EXPECT_EQ(reports[0].tool, Tool::kSynccheck);
  EXPECT_NE(reports[0].text.find("semantics.cu:"), std::string::npos) << reports[0].text;
  DeviceArray<int> indices(3 * 2 * 4 * 5 * 3 * 2);
  thread_indices(indices.get());
  EXPECT_EQ(take_launch_status(), LaunchStatus::kSuccess);
  EXPECT_EQ(indices.values().back(), 720);
}

TEST(Engine, StacksHoldDeepCalls) {
  const ScopedOptions scope;
  DeviceArray<int> out(64);
  deep_calls(out.get(), 200);
  EXPECT_EQ(out.values()[63], 201);
}

TEST(Engine, SinkTakesLaunchesForLater) {
  const ScopedOptions scope;
  std::vector<Launch> queue;
  set_launch_sink([&](Launch launch) { queue.push_back(std::move(launch)); });
  DeviceArray<int> out(std::vector<int>(3 * 2 * 4 * 5 * 3 * 2));
  thread_indices(out.get());
  set_launch_sink({});
  EXPECT_EQ(out.values()[5], 0);
  ASSERT_EQ(queue.size(), 1u);
  EXPECT_STREQ(queue[0].kernel, "thread_indices_kernel");
  ASSERT_EQ(queue[0].pointers.size(), 1u);
  EXPECT_EQ(queue[0].pointers[0].address, out.get());
  EXPECT_TRUE(queue[0].pointers[0].written);
  EXPECT_EQ(run(queue[0]), LaunchStatus::kSuccess);
  EXPECT_EQ(out.values()[5], 6);
}

TEST(Engine, MemoryIsFilledAndReleaseOfForeignPointersIsReported) {
  const ScopedOptions scope;
  DeviceArray<float> x(3);
  EXPECT_TRUE(std::isnan(x.values()[0]));
  EXPECT_TRUE(is_device_pointer(x.get() + 2));
  EXPECT_FALSE(is_device_pointer(&scope));
  release(nullptr);
  EXPECT_EQ(num_reports(), 0u);
  int local = 0;
  release(&local);
  EXPECT_EQ(num_reports(), 1u);
}

TEST(Half, EveryHalfRoundTripsAndRoundingIsToNearestEven) {
  for (std::uint32_t bits = 0; bits < 0x10000u; ++bits) {
    const float value = half_value(std::uint16_t(bits));
    if (std::isnan(value)) {
      EXPECT_EQ(half_bits(value), 0x7fffu);
      continue;
    }
    ASSERT_EQ(half_bits(value), bits);
    // Half way to the next value rounds to the even one; a little more goes up.
    if ((bits & 0x7fffu) >= 0x7bffu) continue;
    const float next = half_value(std::uint16_t(bits + 1)), middle = value + (next - value) / 2;
    ASSERT_EQ(half_bits(middle), (bits & 1) ? bits + 1 : bits) << bits;
    ASSERT_EQ(half_bits(std::nextafter(middle, next)), bits + 1) << bits;
    ASSERT_EQ(half_bits(std::nextafter(middle, value)), bits) << bits;
  }
  EXPECT_EQ(half_bits(65519.0f), 0x7bffu);
  EXPECT_EQ(half_bits(65520.0f), 0x7c00u);
  EXPECT_EQ(half_bits(-1e9f), 0xfc00u);
}

TEST(Half, Bfloat16RoundsToNearestEven) {
  for (std::uint32_t bits = 0; bits < 0x7f80u; ++bits) {
    const float value = bfloat16_value(std::uint16_t(bits));
    ASSERT_EQ(bfloat16_bits(value), bits);
    const float middle = std::bit_cast<float>(bits << 16 | 0x8000u);
    ASSERT_EQ(bfloat16_bits(middle), bits + (bits & 1));
    ASSERT_EQ(bfloat16_bits(std::nextafter(middle, INFINITY)), bits + 1);
  }
  EXPECT_EQ(bfloat16_bits(NAN), 0x7fffu);
}

TEST(Half, PairsInKernels) {
  const ScopedOptions scope;
  const auto x = test_values(17);
  DeviceArray<float> dx(x), dy(std::vector<float>(17));
  round_trip_halves(dx.get(), dy.get(), 17);
  const auto y = dy.values();
  for (std::size_t i = 0; i + 1 < 16; i += 2) {
    EXPECT_EQ(y[i], bfloat16_value(bfloat16_bits(x[i])));
    EXPECT_EQ(y[i + 1], half_value(half_bits(x[i + 1])));
  }
}

}  // namespace
}  // namespace emu::testing
