/// Upsampling and its adjoint on the same values at every factor and thread count. Forms and shapes:
/// kernel_cases/resample.cpp.

#include <gtest/gtest.h>

#include "kernels/resample/resample.h"
#include "tests/support/activation_testing.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using ::engram::testing::at_schedules;
using ::engram::testing::from_block;
using ::engram::testing::poisoned;
using ::engram::testing::random_values;
using ::engram::testing::to_block;

TEST(Resample, UpsampleAndAdjointMatchReferenceAtEachThreadCount) {
  for (dim_t factor : {1, 2, 3, 4, 8}) {
    for (dim_t block : {1, 16, 48}) {
      const ActivationShape in{3, 48, 5, 7, block}, out{3, 48, 5 * factor, 7 * factor, block};
      const auto x = random_values(in.count(), 1), dy = random_values(out.count(), 2);
      const auto x_blocked = to_block(in, x), dy_blocked = to_block(out, dy);
      const auto results = at_schedules([&] {
        auto y = poisoned(out.count()), dx = poisoned(in.count());
        backend_under_test().resample.upsample_nearest({}, {in, factor, x_blocked.data(), y.data()});
        backend_under_test().resample.upsample_nearest_backward({}, {in, factor, dy_blocked.data(), dx.data()});
        return std::pair(from_block(out, y), from_block(in, dx));
      });
      EXPECT_EQ(results[0], results[1]);
      EXPECT_EQ(results[0], results[2]);

      const std::vector<double> wide_x(x.begin(), x.end()), wide_dy(dy.begin(), dy.end());
      std::vector<double> y(out.count()), dx(in.count());
      reference::upsample_nearest(in, factor, wide_x.data(), y.data());
      reference::upsample_nearest_backward(in, factor, wide_dy.data(), dx.data());
      for (dim_t i = 0; i < out.count(); ++i) ASSERT_EQ(results[0].first[i], y[i]);
      for (dim_t i = 0; i < in.count(); ++i) ASSERT_NEAR(results[0].second[i], dx[i], 5e-6);
    }
  }
}

}  // namespace
}  // namespace engram::kernels
