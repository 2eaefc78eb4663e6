/// Cross entropy, log-softmax and Kullback-Leibler kernels against the double-precision reference.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/softmax_xent/softmax_xent.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::at_schedules;
using testing::poisoned;
using testing::random_values;
using testing::widen;

struct LogitExtents {
  dim_t rows, classes;
};
const LogitExtents kLogitExtents[] = {{1, 1}, {3, 2}, {7, 10}, {5, 16}, {4, 17}, {33, 100}, {2, 1003}};

std::vector<std::int32_t> some_labels(dim_t rows, dim_t classes) {
  std::vector<std::int32_t> labels(rows);
  for (dim_t r = 0; r < rows; ++r) labels[r] = std::int32_t((r * 7 + 3) % classes);
  return labels;
}

/// Rows that add up to 1, except the last one (a target need not).
std::vector<float> some_targets(dim_t rows, dim_t classes) {
  auto t = random_values(rows * classes, 5, 0, 1);
  for (dim_t r = 0; r + 1 < rows; ++r) {
    float sum = 0;
    for (dim_t c = 0; c < classes; ++c) sum += t[r * classes + c];
    for (dim_t c = 0; c < classes; ++c) t[r * classes + c] /= sum;
  }
  return t;
}

class XentTest : public ::testing::TestWithParam<std::tuple<bool, float>> {};

TEST_P(XentTest, LossAndGradientMatchReference) {
  const auto [soft, smoothing] = GetParam();
  for (const auto [rows, classes] : kLogitExtents) {
    const auto logits = random_values(rows * classes, 1, -8, 8);
    const auto labels = some_labels(rows, classes);
    const auto soft_targets = some_targets(rows, classes);
    const auto wide_targets = widen(soft_targets), wide_logits = widen(logits);
    std::vector<double> targets(rows * classes), row_loss(rows), expected_grad(rows * classes), row_grads(rows);
    reference::smoothed_targets(soft ? nullptr : labels.data(), wide_targets.data(), rows, classes, smoothing,
                                targets.data());
    reference::softmax_xent(wide_logits.data(), targets.data(), rows, classes, row_loss.data());

    auto stats = poisoned(rows * 2), loss = poisoned(rows), mean = poisoned(1), grad = poisoned(rows * classes);
    std::int32_t invalid = -1;
    backend_under_test().softmax_xent.forward({}, {.logits = logits.data(),
                                                   .labels = soft ? nullptr : labels.data(),
                                                   .soft_targets = soft ? soft_targets.data() : nullptr,
                                                   .rows = rows,
                                                   .classes = classes,
                                                   .label_smoothing = smoothing,
                                                   .row_stats = stats.data(),
                                                   .row_loss = loss.data(),
                                                   .mean_loss = mean.data(),
                                                   .num_invalid = &invalid});
    EXPECT_EQ(invalid, 0);
    double expected_mean = 0;
    for (dim_t r = 0; r < rows; ++r) {
      EXPECT_NEAR(loss[r], row_loss[r], 2e-6 * (1 + std::abs(row_loss[r]))) << rows << "x" << classes << " row " << r;
      expected_mean += row_loss[r] / double(rows);
    }
    EXPECT_NEAR(mean[0], expected_mean, 2e-6 * (1 + expected_mean));

    const float grad_mean = 1.7f;
    const auto grad_rows = random_values(rows, 9);
    for (dim_t r = 0; r < rows; ++r) row_grads[r] = double(grad_mean) / double(rows) + grad_rows[r];
    reference::softmax_xent_backward(wide_logits.data(), targets.data(), row_grads.data(), rows, classes,
                                     expected_grad.data());
    backend_under_test().softmax_xent.backward({}, {.logits = logits.data(),
                                                    .labels = soft ? nullptr : labels.data(),
                                                    .soft_targets = soft ? soft_targets.data() : nullptr,
                                                    .row_stats = stats.data(),
                                                    .grad_mean = &grad_mean,
                                                    .grad_rows = grad_rows.data(),
                                                    .rows = rows,
                                                    .classes = classes,
                                                    .label_smoothing = smoothing,
                                                    .grad_logits = grad.data()});
    for (dim_t i = 0; i < rows * classes; ++i)
      ASSERT_NEAR(grad[i], expected_grad[i], 3e-6 * std::max(1.0, std::abs(row_grads[i / classes])))
          << rows << "x" << classes;
  }
}

INSTANTIATE_TEST_SUITE_P(Targets, XentTest, ::testing::Combine(::testing::Bool(), ::testing::Values(0.f, 0.1f)));

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

TEST(LogSoftmax, ForwardAndBackwardMatchReference) {
  for (const auto [rows, classes] : kLogitExtents) {
    const auto x = random_values(rows * classes, 1, -9, 9), grad_y = random_values(rows * classes, 2);
    auto y = poisoned(rows * classes), grad_x = poisoned(rows * classes);
    backend_under_test().softmax_xent.log_softmax_forward({}, {x.data(), y.data(), rows, classes});
    backend_under_test().softmax_xent.log_softmax_backward({}, {y.data(), grad_y.data(), grad_x.data(), rows, classes});
    const auto wide = widen(x), wide_grad = widen(grad_y);
    std::vector<double> expected(rows * classes), expected_grad(rows * classes);
    reference::log_softmax(wide.data(), expected.data(), rows, classes);
    reference::log_softmax_backward(expected.data(), wide_grad.data(), expected_grad.data(), rows, classes);
    for (dim_t i = 0; i < rows * classes; ++i) {
      ASSERT_NEAR(y[i], expected[i], 2e-6 * (1 + std::abs(expected[i])));
      ASSERT_NEAR(grad_x[i], expected_grad[i], 1e-5) << rows << "x" << classes;
    }
  }
}

TEST(Kl, ValueAndBothGradientsMatchReference) {
  for (const float temperature : {1.f, 4.f, 0.5f}) {
    for (const auto [rows, classes] : kLogitExtents) {
      const auto student = random_values(rows * classes, 1, -5, 5), teacher = random_values(rows * classes, 2, -5, 5);
      const float factor = temperature * temperature, grad = 0.7f;
      auto s_stats = poisoned(2 * rows), t_stats = poisoned(2 * rows), row_kl = poisoned(rows), loss = poisoned(1);
      auto grad_s = poisoned(rows * classes), grad_t = poisoned(rows * classes);
      backend_under_test().softmax_xent.kl_forward(
          {}, {student.data(), teacher.data(), rows, classes, temperature, factor, s_stats.data(), t_stats.data(),
               row_kl.data(), loss.data()});
      backend_under_test().softmax_xent.kl_backward(
          {}, {student.data(), teacher.data(), s_stats.data(), t_stats.data(), row_kl.data(), &grad, rows, classes,
               temperature, factor, grad_s.data(), grad_t.data()});
      const auto wide_s = widen(student), wide_t = widen(teacher);
      std::vector<double> expected_s(rows * classes), expected_t(rows * classes);
      const double expected = reference::kl(wide_s.data(), wide_t.data(), rows, classes, temperature, factor);
      reference::kl_backward(wide_s.data(), wide_t.data(), grad, rows, classes, temperature, factor, expected_s.data(),
                             expected_t.data());
      EXPECT_NEAR(loss[0], expected, 1e-5 * (1 + expected)) << rows << "x" << classes << " T " << temperature;
      for (dim_t i = 0; i < rows * classes; ++i) {
        ASSERT_NEAR(grad_s[i], expected_s[i], 2e-6);
        ASSERT_NEAR(grad_t[i], expected_t[i], 1e-5);
      }
    }
  }
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

TEST(Distill, BothLossesAndTheirGradientMatchReference) {
  for (const float temperature : {1.f, 4.f, 20.f})
    for (const auto [rows, classes] : kLogitExtents) {
      const auto student = random_values(rows * classes, 1, -5, 5), teacher = random_values(rows * classes, 2, -5, 5);
      const auto labels = some_labels(rows, classes);
      const float factor = temperature * temperature, grad_xent = 0.7f, grad_kl = 1.3f;
      const DistillOutcome got = distill(student, teacher, labels, classes, temperature, factor, &grad_xent, &grad_kl);
      const auto wide_s = widen(student), wide_t = widen(teacher);
      std::vector<double> targets(rows * classes), row_loss(rows), of_xent(rows * classes), of_kl(rows * classes),
          of_teacher(rows * classes);
      reference::smoothed_targets(labels.data(), nullptr, rows, classes, 0, targets.data());
      reference::softmax_xent(wide_s.data(), targets.data(), rows, classes, row_loss.data());
      double xent = 0;
      for (const double loss : row_loss) xent += loss / double(rows);
      const std::vector<double> row_grads(rows, double(grad_xent) / double(rows));
      reference::softmax_xent_backward(wide_s.data(), targets.data(), row_grads.data(), rows, classes, of_xent.data());
      const double kl = reference::kl(wide_s.data(), wide_t.data(), rows, classes, temperature, factor);
      reference::kl_backward(wide_s.data(), wide_t.data(), grad_kl, rows, classes, temperature, factor, of_kl.data(),
                             of_teacher.data());
      EXPECT_EQ(got.invalid, 0);
      EXPECT_NEAR(got.xent[0], xent, 2e-6 * (1 + xent)) << rows << "x" << classes;
      EXPECT_NEAR(got.kl[0], kl, 4e-6 * kl + 3e-7 * factor) << rows << "x" << classes << " T " << temperature;
      for (dim_t i = 0; i < rows * classes; ++i) ASSERT_NEAR(got.gradient[i], of_xent[i] + of_kl[i], 4e-6);
    }
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

TEST(Distill, BitsDoNotDependOnThreadCount) {
  const dim_t rows = 60, classes = 300;
  const auto student = random_values(rows * classes, 1, -5, 5), teacher = random_values(rows * classes, 2, -5, 5);
  const auto labels = some_labels(rows, classes);
  const float one = 1;
  const auto results = at_schedules([&] {
    DistillOutcome got = distill(student, teacher, labels, classes, 2, 4, &one, &one);
    got.gradient.insert(got.gradient.end(), {got.xent[0], got.kl[0]});
    return got.gradient;
  });
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

TEST(SoftmaxXent, BitsDoNotDependOnThreadCount) {
  const dim_t rows = 4099, classes = 10;
  const auto logits = random_values(rows * classes, 1, -5, 5), teacher = random_values(rows * classes, 2, -5, 5);
  const auto labels = some_labels(rows, classes);
  const auto results = at_schedules([&] {
    auto stats = poisoned(rows * 2), loss = poisoned(rows), out = poisoned(2 + rows * classes),
         kl_stats = poisoned(4 * rows);
    std::int32_t invalid = 0;
    backend_under_test().softmax_xent.forward({}, {logits.data(), labels.data(), nullptr, rows, classes, 0.1f,
                                                   stats.data(), loss.data(), out.data(), &invalid});
    backend_under_test().softmax_xent.kl_forward(
        {}, {logits.data(), teacher.data(), rows, classes, 2, 4, kl_stats.data(), kl_stats.data() + 2 * rows,
             loss.data(), out.data() + 1});
    const float one = 1;
    backend_under_test().softmax_xent.backward(
        {}, {logits.data(), labels.data(), nullptr, stats.data(), &one, nullptr, rows, classes, 0.1f, out.data() + 2});
    return out;
  });
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

}  // namespace
}  // namespace engram::kernels
