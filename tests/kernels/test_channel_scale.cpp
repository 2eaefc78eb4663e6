/// Shift and mirror of an image in one pass, by a small example. Values and gradients: kernel_cases/channel_scale.cpp.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/channel_scale/channel_scale.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::poisoned;

TEST(RollFlip, ShiftsDownAndRightThenMirrors) {
  const std::vector<float> x = {1, 2, 3, 4, 5, 6};  // 2 x 3
  std::vector<float> y(6);
  const Jitter right = {0, 1, 0}, down = {1, 0, 0}, mirrored = {0, 1, 1};
  backend_under_test().channel_scale.roll_flip({}, {x.data(), &right, y.data(), 1, 2, 3, false});
  EXPECT_EQ(y, (std::vector<float>{3, 1, 2, 6, 4, 5}));
  backend_under_test().channel_scale.roll_flip({}, {x.data(), &down, y.data(), 1, 2, 3, false});
  EXPECT_EQ(y, (std::vector<float>{4, 5, 6, 1, 2, 3}));
  backend_under_test().channel_scale.roll_flip({}, {x.data(), &mirrored, y.data(), 1, 2, 3, false});
  EXPECT_EQ(y, (std::vector<float>{2, 1, 3, 5, 4, 6}));
}

}  // namespace
}  // namespace engram::kernels
