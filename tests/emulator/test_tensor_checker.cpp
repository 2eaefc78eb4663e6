/// The checker, the counters and the mutation of waits on a pipelined product.

#include <gtest/gtest.h>

#include <vector>

#include "emulator/counters.h"
#include "emulator/dialect/half.h"
#include "emulator/mutation.h"
#include "tests/emulator/device_array.h"
#include "tests/emulator/tensor_kernels.h"

namespace emu::testing {
namespace {

constexpr int kDepth = 200;  // of the products: four steps, the last of them a short one

// A column of ones times rows that count: every element of c is known.
class Product {
 public:
  Product() : a_(ones(32)), b_(ones(16)), c_(32 * 16) {}

  void run(void (*product)(const std::uint16_t*, const std::uint16_t*, float*, int) = run_product) {
    product(a_.get(), b_.get(), c_.get(), kDepth);
  }
  bool is_right() const {
    bool right = true;
    for (const float v : c_.values()) right &= v == float(kDepth);
    return right;
  }

 private:
  static std::vector<std::uint16_t> ones(int rows) {
    return std::vector<std::uint16_t>(std::size_t(rows * kDepth), bfloat16_bits(1.0f));
  }

  DeviceArray<std::uint16_t> a_, b_;
  DeviceArray<float> c_;
};

TEST(TensorChecker, FindsNothingInARightPipeline) {
  Product product;
  for (const Order order : {Order::kForward, Order::kReverse, Order::kRandom}) {
    for (const Copies copies : {Copies::kLate, Copies::kEarly, Copies::kRandom}) {
      const ScopedOptions scope(order);
      options().copies = copies;
      product.run();
      EXPECT_EQ(describe(take_reports()), "") << int(order) << " " << int(copies);
      EXPECT_TRUE(product.is_right());
    }
  }
}

TEST(TensorChecker, CountsInstructionsBytesAndConflicts) {
  const ScopedOptions scope(Order::kForward, 1, true);
  take_counts();
  Product product;
  product.run();
  product.run(run_product_with_conflicts);
  const auto counts = take_counts();
  ASSERT_EQ(counts.size(), 2u);
  for (const auto& launch : counts) {
    // Two warps, four steps of four pieces: two products and two ldmatrix.x4 each.
    EXPECT_EQ(launch.tensor.mma_bf16, 2u * 4 * 4 * 2);
    EXPECT_EQ(launch.tensor.flops(), 2u * 32 * 16 * 256);
    EXPECT_EQ(launch.tensor.mma_tf32 + launch.tensor.mma_tf32_k4 + launch.tensor.mma_f16, 0u);
    EXPECT_EQ(launch.tensor.ldmatrix.requests, 2u * 4 * 4 * 2);
    EXPECT_EQ(launch.tensor.ldmatrix.ideal_passes, 4 * launch.tensor.ldmatrix.requests);
    EXPECT_EQ(launch.tensor.bytes_copied, (32u + 16) * kDepth * 2);
    EXPECT_EQ(launch.distinct_read, launch.tensor.bytes_copied);
    EXPECT_EQ(launch.warp_operations, 0u) << "mma and ldmatrix are counted apart";
  }
  EXPECT_EQ(counts[0].tensor.ldmatrix.conflicts(), 0u);
  EXPECT_EQ(counts[0].shared.conflicts(), 0u) << "the copies have none either";
  EXPECT_EQ(counts[1].tensor.ldmatrix.passes, 8 * counts[1].tensor.ldmatrix.ideal_passes);
}

TEST(TensorChecker, CountsWhatPartialCopiesRead) {
  const ScopedOptions scope(Order::kForward, 1, true);
  take_counts();
  DeviceArray<float> in(test_values(32)), out(64);
  run_copies(in.get(), out.get(), 8);
  const auto counts = take_counts();
  ASSERT_EQ(counts.size(), 1u);
  // 32 words; four copies of 16 bytes; four of 8 bytes, in two words.
  EXPECT_EQ(counts[0].tensor.bytes_copied, 32u * 4 + 4 * 16 + 4 * 8);
  EXPECT_EQ(counts[0].reads.requests, 4u);
  EXPECT_EQ(counts[0].reads.bytes, counts[0].tensor.bytes_copied);
  EXPECT_EQ(counts[0].reads.active_lanes, 32u + 4 + 4 + 4);
}

TEST(TensorChecker, EachRemovedWaitOrBarrierIsNoticed) {
  const ScopedOptions scope;
  Product product;
  const auto removals = remove_each_sync([&] {
    product.run();
    return product.is_right();
  });
  EXPECT_EQ(removals.size(), 2u);
  for (const auto& removal : removals) EXPECT_FALSE(removal.caught_by.empty()) << removal.sync.line;
}

}  // namespace
}  // namespace emu::testing
