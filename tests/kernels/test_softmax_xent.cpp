/// Cross entropy and Kullback-Leibler kernels at special values. Values and gradients: kernel_cases/softmax_xent.cpp.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/softmax_xent/softmax_xent.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::poisoned;
using testing::random_values;

std::vector<std::int32_t> some_labels(dim_t rows, dim_t classes) {
  std::vector<std::int32_t> labels(rows);
  for (dim_t r = 0; r < rows; ++r) labels[r] = std::int32_t((r * 7 + 3) % classes);
  return labels;
}

TEST(SoftmaxXent, InvalidLabelsAreCountedAndTakeNoGradient) {
  const auto logits = random_values(4 * 10, 1);
  const std::vector<std::int32_t> labels = {0, -1, 10, 9};
  auto stats = poisoned(8), loss = poisoned(4), mean = poisoned(1), grad = poisoned(40);
  std::int32_t invalid = -1;
  backend_under_test().softmax_xent.forward(
      {}, {logits.data(), labels.data(), nullptr, 4, 10, 0, stats.data(), loss.data(), mean.data(), &invalid});
  EXPECT_EQ(invalid, 2);
  EXPECT_TRUE(std::isfinite(loss[0]) && std::isnan(loss[1]) && std::isnan(loss[2]) && std::isfinite(loss[3]));
  EXPECT_TRUE(std::isnan(mean[0]));
  const float one = 1;
  backend_under_test().softmax_xent.backward(
      {}, {logits.data(), labels.data(), nullptr, stats.data(), &one, nullptr, 4, 10, 0, grad.data()});
  for (int c = 0; c < 10; ++c) {
    EXPECT_NE(grad[c], 0);
    EXPECT_EQ(grad[10 + c], 0);
    EXPECT_EQ(grad[20 + c], 0);
  }
}

TEST(SoftmaxXent, LargeLogitsNeitherOverflowNorCancel) {
  const std::vector<float> logits = {1e6f + 1, 1e6f, -1e30f, 3e38f, 0, -3e38f};
  const std::vector<std::int32_t> labels = {1, 0};
  auto stats = poisoned(4), loss = poisoned(2), mean = poisoned(1);
  std::int32_t invalid = -1;
  backend_under_test().softmax_xent.forward(
      {}, {logits.data(), labels.data(), nullptr, 2, 3, 0, stats.data(), loss.data(), mean.data(), &invalid});
  EXPECT_NEAR(loss[0], std::log1p(std::exp(1.0)), 1e-6);
  EXPECT_EQ(loss[1], 0);
}

struct DistillOutcome {
  std::vector<float> xent, kl, gradient;
  std::int32_t invalid = -1;
};

DistillOutcome distill(const std::vector<float>& student, const std::vector<float>& teacher,
                       const std::vector<std::int32_t>& labels, dim_t classes, float temperature, float factor,
                       const float* grad_xent, const float* grad_kl) {
  const auto& kernels = backend_under_test().softmax_xent;
  const dim_t rows = dim_t(labels.size());
  std::vector<double> workspace(kernels.distill_workspace_bytes(rows, classes) / sizeof(double) + 1);
  DistillOutcome got = {poisoned(1), poisoned(1), poisoned(rows * classes)};
  auto stats = poisoned(kNumDistillStats * rows);
  kernels.distill_forward({}, {student.data(), teacher.data(), labels.data(), rows, classes, temperature, factor,
                               stats.data(), got.xent.data(), got.kl.data(), &got.invalid, workspace.data()});
  kernels.distill_backward({}, {student.data(), teacher.data(), labels.data(), stats.data(), grad_xent, grad_kl, rows,
                                classes, temperature, factor, got.gradient.data()});
  return got;
}

TEST(Distill, AnAbsentGradientCountsAsZero) {
  const dim_t rows = 5, classes = 17;
  const auto student = random_values(rows * classes, 1, -5, 5), teacher = random_values(rows * classes, 2, -5, 5);
  const auto labels = some_labels(rows, classes);
  const float one = 1, zero = 0;
  const auto gradient = [&](const float* xent, const float* kl) {
    return distill(student, teacher, labels, classes, 4, 16, xent, kl).gradient;
  };
  EXPECT_EQ(gradient(&one, nullptr), gradient(&one, &zero));
  EXPECT_EQ(gradient(nullptr, &one), gradient(&zero, &one));
}

TEST(Distill, EqualLogitsDoNotDivergeAndImpossibleClassesAddNothing) {
  const auto x = random_values(70, 3, -5, 5);
  const std::vector<std::int32_t> labels(7, 2);
  const float one = 1;
  const DistillOutcome equal = distill(x, x, labels, 10, 4, 16, nullptr, &one);
  EXPECT_NEAR(equal.kl[0], 0, 1e-9);
  for (const float g : equal.gradient) EXPECT_EQ(g, 0);
  const DistillOutcome impossible = distill({1, 2, 3}, {1, 2, -INFINITY}, {0}, 3, 1, 1, &one, &one);
  const double q = std::log(1 + std::exp(1.) + std::exp(2.)) - std::log(1 + std::exp(1.));
  EXPECT_NEAR(impossible.kl[0], q, 1e-6);  // p is the same as q on the other two but for its sum
}

TEST(Distill, InvalidLabelsAreCounted) {
  const auto x = random_values(30, 3), y = random_values(30, 4);
  const float one = 1;
  const DistillOutcome got = distill(x, y, {1, -1, 10}, 10, 2, 1, &one, nullptr);
  EXPECT_EQ(got.invalid, 2);
  EXPECT_TRUE(std::isnan(got.xent[0]));
  EXPECT_TRUE(std::isfinite(got.kl[0]));
  for (dim_t i = 10; i < 30; ++i) EXPECT_EQ(got.gradient[i], 0);
}

}  // namespace
}  // namespace engram::kernels
