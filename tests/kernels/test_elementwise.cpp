/// Elementwise kernels against the double-precision reference, at odd counts, with poisoned outputs.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "kernels/elementwise/elementwise.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::poisoned;
using testing::random_values;

class UnaryTest : public ::testing::TestWithParam<UnaryOp> {};

TEST_P(UnaryTest, MatchesReference) {
  const UnaryOp op = GetParam();
  const bool positive =
      op == UnaryOp::kLog || op == UnaryOp::kSqrt || op == UnaryOp::kPowScalar || op == UnaryOp::kReciprocal;
  for (dim_t count : {1, 17, 1000, 70001}) {
    const auto x = random_values(count, 1, positive ? 0.1f : -3.f, 3.f);
    auto y = poisoned(count);
    backend_under_test().elementwise.unary({}, {op, x.data(), y.data(), count, 0.5f, 1.5f});
    std::vector<double> wide(x.begin(), x.end()), expected(count);
    reference::unary(op, wide.data(), expected.data(), count, 0.5, 1.5);
    for (dim_t i = 0; i < count; ++i) ASSERT_NEAR(y[i], expected[i], 1e-6 * (1 + std::abs(expected[i]))) << "at " << i;
  }
}

INSTANTIATE_TEST_SUITE_P(All, UnaryTest,
                         ::testing::Values(UnaryOp::kCopy, UnaryOp::kNeg, UnaryOp::kExp, UnaryOp::kLog, UnaryOp::kSqrt,
                                           UnaryOp::kTanh, UnaryOp::kSigmoid, UnaryOp::kRelu, UnaryOp::kLeakyRelu,
                                           UnaryOp::kAbs, UnaryOp::kSign, UnaryOp::kClamp, UnaryOp::kInClamp,
                                           UnaryOp::kPowScalar, UnaryOp::kAddScalar, UnaryOp::kMulScalar,
                                           UnaryOp::kReciprocal, UnaryOp::kStep));

TEST(Elementwise, BroadcastMatchesIndexArithmetic) {
  // [3,1,5] + [4,1] -> [3,4,5]
  const auto x0 = random_values(15, 2, -1, 1), x1 = random_values(4, 3, -1, 1);
  auto y = poisoned(60);
  backend_under_test().elementwise.binary_broadcast(
      {}, {BinaryOp::kSub, x0.data(), x1.data(), y.data(), 3, {3, 4, 5}, {5, 0, 1}, {0, 1, 0}});
  for (int i = 0; i < 3; ++i)
    for (int j = 0; j < 4; ++j)
      for (int k = 0; k < 5; ++k) EXPECT_EQ(y[(i * 4 + j) * 5 + k], x0[i * 5 + k] - x1[j]);
}

TEST(Elementwise, ConversionSaturatesAndRounds) {
  const std::vector<float> x = {-1.5f, 300.f, 2.9f, std::numeric_limits<float>::quiet_NaN(), 1.00390625f};
  std::vector<std::uint8_t> bytes(5);
  backend_under_test().elementwise.convert({}, {x.data(), DType::kF32, bytes.data(), DType::kU8, 5});
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{0, 255, 2, 0, 1}));
  std::vector<std::uint16_t> halves(5);
  std::vector<float> back(5);
  backend_under_test().elementwise.convert({}, {x.data(), DType::kF32, halves.data(), DType::kBF16, 5});
  backend_under_test().elementwise.convert({}, {halves.data(), DType::kBF16, back.data(), DType::kF32, 5});
  EXPECT_EQ(back[0], -1.5f);
  EXPECT_EQ(back[4], 1.0f);  // halfway between 1 and 1.0078125: to even
  EXPECT_TRUE(std::isnan(back[3]));
}

}  // namespace
}  // namespace engram::kernels
