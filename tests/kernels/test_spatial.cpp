/// Positions outside a range.

#include <gtest/gtest.h>

#include <vector>

#include "kernels/spatial/spatial.h"
#include "tests/support/backend_under_test.h"

namespace engram::kernels {
namespace {

TEST(Spatial, FirstOutOfRangeFindsNegativeAndLargePositions) {
  const std::vector<std::int32_t> index = {0, 4, 2, 5, -1};
  const auto first_bad = [](const std::vector<std::int32_t>& values, dim_t count, dim_t bound) {
    std::int32_t first = -77;
    backend_under_test().spatial.first_out_of_range({}, {values.data(), count, bound, &first});
    return first;
  };
  EXPECT_EQ(first_bad(index, 5, 5), 3);
  EXPECT_EQ(first_bad(index, 5, 6), 4);
  EXPECT_EQ(first_bad(index, 3, 5), -1);
  EXPECT_EQ(first_bad(index, 0, 5), -1);
  std::vector<std::int32_t> long_index(5003, 1);
  long_index[2500] = long_index[4100] = 9;
  EXPECT_EQ(first_bad(long_index, 5003, 9), 2500);
}

}  // namespace
}  // namespace engram::kernels
