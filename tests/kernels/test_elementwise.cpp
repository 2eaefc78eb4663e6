/// Conversions at the ends of the types. Operations: kernel_cases/elementwise.cpp.

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
