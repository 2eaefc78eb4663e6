/// Squared error behind a margin ReLU at special values. Values and gradients: kernel_cases/margin_error.cpp.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/margin_error/margin_error.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::poisoned;

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

}  // namespace
}  // namespace engram::kernels
