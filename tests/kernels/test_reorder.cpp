/// Copies between planar and blocked activations.

#include <gtest/gtest.h>

#include "kernels/reorder/reorder.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using ::engram::testing::poisoned;
using ::engram::testing::random_values;

const std::vector<ReorderArgs> kReorderings = {
    {nullptr, nullptr, 1, 16, 1, 1},     {nullptr, nullptr, 2, 32, 4, 4},     {nullptr, nullptr, 3, 48, 5, 7},
    {nullptr, nullptr, 2, 3, 32, 32},    {nullptr, nullptr, 1, 17, 3, 9},     {nullptr, nullptr, 2, 16, 33, 37},
    {nullptr, nullptr, 4, 1, 1, 5},      {nullptr, nullptr, 5, 64, 16, 16},   {nullptr, nullptr, 0, 16, 4, 4},
    {nullptr, nullptr, 2, 3, 17, 19, 3}, {nullptr, nullptr, 3, 48, 5, 7, 48}, {nullptr, nullptr, 1, 100, 6, 11, 100},
    {nullptr, nullptr, 2, 64, 9, 8, 64}, {nullptr, nullptr, 2, 5, 4, 3, 4},
};

TEST(Reorder, ToBlockedMatchesReferenceAndZeroesPaddingLanes) {
  for (ReorderArgs a : kReorderings) {
    const auto x = random_values(a.n * a.c * a.h * a.w, 1);
    auto got = poisoned(a.n * padded_channels(a.c, a.block) * a.h * a.w), expected = got;
    a.src = x.data();
    a.dst = got.data();
    backend_under_test().reorder.to_blocked({}, a);
    a.dst = expected.data();
    reference::to_blocked(a);
    EXPECT_EQ(got, expected) << a.n << "x" << a.c << "x" << a.h << "x" << a.w;
  }
}

TEST(Reorder, ToPlanarInvertsToBlockedAndIgnoresPaddingLanes) {
  for (ReorderArgs a : kReorderings) {
    const auto x = random_values(a.n * a.c * a.h * a.w, 2);
    auto blocked = poisoned(a.n * padded_channels(a.c, a.block) * a.h * a.w), back = poisoned(dim_t(x.size())),
         oracle = back;
    a.src = x.data();
    a.dst = blocked.data();
    backend_under_test().reorder.to_blocked({}, a);
    for (dim_t i = 0; i < dim_t(blocked.size()); ++i)
      if (blocked[i] == 0.f) blocked[i] = std::numeric_limits<float>::quiet_NaN();
    a.src = blocked.data();
    a.dst = back.data();
    backend_under_test().reorder.to_planar({}, a);
    a.dst = oracle.data();
    reference::to_planar(a);
    EXPECT_EQ(back, x);
    EXPECT_EQ(oracle, x);
  }
}

TEST(Reorder, CostCountsThePaddedSide) {
  const Cost cost = reorder_cost({nullptr, nullptr, 2, 3, 4, 5});
  EXPECT_EQ(cost.bytes_read, 2 * 3 * 20 * 4);
  EXPECT_EQ(cost.bytes_written, 2 * 16 * 20 * 4);
}

}  // namespace
}  // namespace engram::kernels
