/// tanh, channel scale, roll and flip in one pass: values, gradients, adjointness, at widths below, at and above the
/// vector.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/channel_scale/channel_scale.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::at_schedules;
using testing::poisoned;
using testing::random_values;
using testing::widen;

struct ScaleExtents {
  dim_t n, c, h, w;
};
const ScaleExtents kScaleExtents[] = {{1, 1, 1, 1},  {2, 3, 5, 3},   {1, 2, 4, 16},
                                      {2, 1, 7, 17}, {3, 3, 32, 32}, {1, 1, 70, 45}};
/// No shift, the method's shifts, and shifts beyond the image.
const Jitter kJitters[] = {{0, 0, 0}, {0, 0, 1}, {2, -1, 0}, {-2, 1, 1}, {1, 2, 1}, {-100, 77, 0}, {5, -33, 1}};

TEST(ChannelScale, ForwardAndBackwardMatchReference) {
  for (const auto& [n, c, h, w] : kScaleExtents)
    for (const Jitter& jitter : kJitters) {
      const dim_t planes = n * c, count = planes * h * w;
      const auto p = random_values(count, 1, -3, 3), alpha = random_values(planes, 2, -6, 6),
                 grad_y = random_values(count, 3);
      auto y = poisoned(count), grad_p = poisoned(count), grad_alpha = poisoned(planes);
      backend_under_test().channel_scale.forward({}, {p.data(), alpha.data(), &jitter, y.data(), n, c, h, w});
      backend_under_test().channel_scale.backward(
          {}, {p.data(), alpha.data(), &jitter, grad_y.data(), grad_p.data(), grad_alpha.data(), n, c, h, w});
      const auto wide_p = widen(p), wide_alpha = widen(alpha), wide_grad = widen(grad_y);
      std::vector<double> expected(count), expected_p(count), expected_alpha(planes);
      reference::channel_scale(wide_p.data(), wide_alpha.data(), expected.data(), planes, h, w, jitter);
      reference::channel_scale_backward(wide_p.data(), wide_alpha.data(), wide_grad.data(), expected_p.data(),
                                        expected_alpha.data(), planes, h, w, jitter);
      for (dim_t i = 0; i < count; ++i) {
        ASSERT_NEAR(y[i], expected[i], 2e-6)
            << h << "x" << w << " jitter " << jitter.dy << "," << jitter.dx << "," << jitter.flip;
        ASSERT_NEAR(grad_p[i], expected_p[i], 4e-6);
      }
      for (dim_t i = 0; i < planes; ++i) ASSERT_NEAR(grad_alpha[i], expected_alpha[i], 1e-6 * double(h * w));
      auto alone = poisoned(planes);
      backend_under_test().channel_scale.backward(
          {}, {p.data(), alpha.data(), &jitter, grad_y.data(), nullptr, alone.data(), n, c, h, w});
      EXPECT_EQ(alone, grad_alpha);
    }
}

TEST(RollFlip, MatchesReferenceAndInverseUndoesIt) {
  for (const auto& [n, c, h, w] : kScaleExtents)
    for (const Jitter& jitter : kJitters) {
      const dim_t planes = n * c, count = planes * h * w;
      const auto x = random_values(count, 1);
      auto y = poisoned(count), back = poisoned(count);
      backend_under_test().channel_scale.roll_flip({}, {x.data(), &jitter, y.data(), planes, h, w, false});
      const auto wide = widen(x);
      std::vector<double> expected(count);
      reference::roll_flip(wide.data(), expected.data(), planes, h, w, jitter, false);
      EXPECT_EQ(widen(y), expected) << h << "x" << w << " jitter " << jitter.dy << "," << jitter.dx << ","
                                    << jitter.flip;
      backend_under_test().channel_scale.roll_flip({}, {y.data(), &jitter, back.data(), planes, h, w, true});
      EXPECT_EQ(back, x);
    }
}

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

TEST(ChannelScale, BitsDoNotDependOnThreadCount) {
  const dim_t n = 40, c = 3, h = 32, w = 32, count = n * c * h * w;
  const auto p = random_values(count, 1), alpha = random_values(n * c, 2), grad_y = random_values(count, 3);
  const Jitter jitter = {1, -2, 1};
  const auto results = at_schedules([&] {
    auto out = poisoned(2 * count + n * c);
    backend_under_test().channel_scale.forward({}, {p.data(), alpha.data(), &jitter, out.data(), n, c, h, w});
    backend_under_test().channel_scale.backward(
        {}, {p.data(), alpha.data(), &jitter, grad_y.data(), out.data() + count, out.data() + 2 * count, n, c, h, w});
    return out;
  });
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

}  // namespace
}  // namespace engram::kernels
