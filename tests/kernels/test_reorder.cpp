/// Cost of copies between planar and blocked activations. The copies: kernel_cases/reorder.cpp.

#include <gtest/gtest.h>

#include "kernels/reorder/reorder.h"
#include "tests/support/backend_under_test.h"

namespace engram::kernels {
namespace {

TEST(Reorder, CostCountsThePaddedSide) {
  const Cost cost = reorder_cost({nullptr, nullptr, 2, 3, 4, 5});
  EXPECT_EQ(cost.bytes_read, 2 * 3 * 20 * 4);
  EXPECT_EQ(cost.bytes_written, 2 * 16 * 20 * 4);
}

}  // namespace
}  // namespace engram::kernels
