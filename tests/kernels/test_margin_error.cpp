/// Squared error behind a margin ReLU and its gradient against the double-precision reference, in every layout.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/margin_error/margin_error.h"
#include "tests/support/activation_testing.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::at_schedules;
using testing::poisoned;
using testing::random_values;
using testing::widen;

const ActivationShape kMarginShapes[] = {{2, 3, 5, 7, 1},       {3, 16, 8, 8, 1},    {1, 1, 1, 1, 1},
                                         {2, 32, 6, 5, 16},     {1, 6, 3, 3, 3},     {2, 36, 9, 5, 36},
                                         {1, 7, 31, 33, 7},     {1, 600, 3, 2, 600}, {2, 64, 16, 8, 64},
                                         {1, 8200, 2, 1, 8200}, {2, 20, 4, 3, 20}};

struct MarginOutcome {
  std::vector<float> loss, gradient;
};

MarginOutcome margin_error(const ActivationShape& shape, const std::vector<float>& student,
                           const std::vector<float>& teacher, const std::vector<float>& margin, float factor,
                           float grad) {
  const auto& kernels = backend_under_test().margin_error;
  std::vector<double> workspace(kernels.workspace_bytes(shape) / sizeof(double) + 1);
  auto loss = poisoned(1), gradient = poisoned(shape.count());
  kernels.forward({}, {shape, student.data(), teacher.data(), margin.data(), factor, loss.data(), workspace.data()});
  kernels.backward({}, {shape, student.data(), teacher.data(), margin.data(), &grad, factor, gradient.data()});
  return {loss, gradient};
}

TEST(MarginError, ValueAndGradientMatchReference) {
  for (const ActivationShape& shape : kMarginShapes) {
    const auto student = random_values(shape.count(), 1, -2, 2), teacher = random_values(shape.count(), 2, -2, 2);
    const auto margin = random_values(shape.c, 3, -1.5f, 0.3f);
    const MarginOutcome got =
        margin_error(shape, testing::to_block(shape, student), testing::to_block(shape, teacher), margin, 0.03f, 1.7f);
    const auto wide_s = widen(student), wide_t = widen(teacher), wide_m = widen(margin);
    std::vector<double> gradient(student.size());
    const double factor = double(0.03f), grad = double(1.7f);
    const double loss = reference::margin_error(shape, wide_s.data(), wide_t.data(), wide_m.data(), factor);
    reference::margin_error_backward(shape, wide_s.data(), wide_t.data(), wide_m.data(), grad, factor, gradient.data());
    EXPECT_NEAR(got.loss[0], loss, 2e-6 * loss) << shape.c << " channels in blocks of " << shape.block;
    const auto planar = testing::from_block(shape, got.gradient);
    for (std::size_t i = 0; i < gradient.size(); ++i) ASSERT_NEAR(planar[i], gradient[i], 1e-7) << shape.c << " " << i;
  }
}

TEST(MarginError, ElementsThatBothHoldShutDoNotCount) {
  // One channel, margin -1. By position: both shut; the student open; the teacher open; equal and shut.
  const ActivationShape shape = {1, 1, 1, 4, 1};
  const MarginOutcome got = margin_error(shape, {-3, 2, -1, -1}, {-5, -5, 1.5f, -1}, {-1}, 1, 1);
  EXPECT_FLOAT_EQ(got.loss[0], 9 + 6.25f);
  EXPECT_EQ(got.gradient, (std::vector<float>{0, 6, -5, 0}));
}

TEST(MarginError, NaNOfEitherSideStays) {
  const ActivationShape shape = {1, 1, 1, 4, 1};
  EXPECT_TRUE(std::isnan(margin_error(shape, {NAN, 1, 1, 1}, {-5, 1, 1, 1}, {-1}, 1, 1).loss[0]));
  EXPECT_TRUE(std::isnan(margin_error(shape, {1, 1, 1, 1}, {1, NAN, 1, 1}, {-1}, 1, 1).loss[0]));
}

TEST(MarginError, BitsDoNotDependOnThreadCount) {
  const ActivationShape shape = {9, 48, 17, 13, 16};
  const auto student = random_values(shape.count(), 1), teacher = random_values(shape.count(), 2);
  const auto margin = random_values(shape.c, 3);
  const auto results = at_schedules([&] {
    MarginOutcome got = margin_error(shape, student, teacher, margin, 1, 1);
    got.gradient.push_back(got.loss[0]);
    return got.gradient;
  });
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

}  // namespace
}  // namespace engram::kernels
