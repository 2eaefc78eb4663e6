/// Losses: values, gradients of order 1 and 2, rejected arguments.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "kernels/softmax_xent/softmax_xent.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace engram::testing {
namespace {

namespace reference = kernels::reference;

const std::vector<Shape> kLogits = {{1, 2}, {5, 10}, {3, 33}};

std::vector<std::int32_t> spread_labels(dim_t rows, dim_t classes) {
  std::vector<std::int32_t> labels(rows);
  for (dim_t r = 0; r < rows; ++r) labels[r] = std::int32_t((r * 7 + 1) % classes);
  return labels;
}

/// Mean cross entropy in double.
Array cross_entropy(const Array& logits, const std::vector<double>& targets) {
  std::vector<double> rows(logits.shape[0]);
  reference::softmax_xent(logits.values.data(), targets.data(), logits.shape[0], logits.shape[1], rows.data());
  Array loss((Shape()));
  for (double r : rows) loss.values[0] += r / double(rows.size());
  return loss;
}

TEST(LossOps, CrossEntropyWithLabels) {
  for (const Shape& shape : kLogits)
    for (const float smoothing : {0.f, 0.1f}) {
      const auto labels = spread_labels(shape[0], shape[1]);
      check_op({.name = "softmax_cross_entropy",
                .inputs = {shape},
                .op =
                    [&](const auto& x) {
                      return softmax_cross_entropy(x[0], Tensor::from(labels, {shape[0]}, test_device()), {smoothing});
                    },
                .reference =
                    [&](const auto& x) {
                      std::vector<double> targets(x[0].values.size());
                      reference::smoothed_targets(labels.data(), nullptr, shape[0], shape[1], smoothing,
                                                  targets.data());
                      return cross_entropy(x[0], targets);
                    }});
    }
}

TEST(LossOps, CrossEntropyWithSoftTargetsIsDifferentiableInBoth) {
  for (const Shape& shape : kLogits)
    for (const float smoothing : {0.f, 0.2f})
      check_op({.name = "softmax_cross_entropy_soft",
                .inputs = {shape, shape},
                .op = [&](const auto& x) { return softmax_cross_entropy_soft(x[0], x[1], {smoothing}); },
                .reference =
                    [&](const auto& x) {
                      std::vector<double> targets(x[0].values.size());
                      reference::smoothed_targets(nullptr, x[1].values.data(), shape[0], shape[1], smoothing,
                                                  targets.data());
                      return cross_entropy(x[0], targets);
                    }});
}

TEST(LossOps, LogSoftmaxOverTheLastAxis) {
  for (const Shape& shape : {Shape{7}, Shape{5, 10}, Shape{2, 3, 17}}) {
    const auto expected = [](const std::vector<Array>& x) {
      Array y = x[0];
      const dim_t classes = y.shape.back();
      reference::log_softmax(x[0].values.data(), y.values.data(), dim_t(y.values.size()) / classes, classes);
      return y;
    };
    check_op({.name = "log_softmax",
              .inputs = {shape},
              .op = [](const auto& x) { return log_softmax(x[0]); },
              .reference = expected});
    check_op({.name = "softmax",
              .inputs = {shape},
              .op = [](const auto& x) { return softmax(x[0]); },
              .reference = [&](const auto& x) { return map(expected(x), [](double v) { return std::exp(v); }); }});
  }
}

TEST(LossOps, KlDivergenceIsDifferentiableInBoth) {
  for (const Shape& shape : kLogits)
    for (const float temperature : {1.f, 3.f})
      check_op({.name = "kl_divergence",
                .inputs = {shape, shape},
                .op = [&](const auto& x) { return kl_divergence(x[0], x[1], temperature, temperature * temperature); },
                .reference =
                    [&](const auto& x) {
                      return Array({}, reference::kl(x[0].values.data(), x[1].values.data(), shape[0], shape[1],
                                                     temperature, temperature * temperature));
                    }});
}

TEST(LossOps, MeanSquaredError) {
  check_op({.name = "mse",
            .inputs = {{3, 5}, {3, 5}},
            .op = [](const auto& x) { return mse(x[0], x[1]); },
            .reference =
                [](const auto& x) {
                  Array y((Shape()));
                  for (std::size_t i = 0; i < x[0].values.size(); ++i)
                    y.values[0] += std::pow(x[0].values[i] - x[1].values[i], 2) / double(x[0].values.size());
                  return y;
                }});
}

TEST(LossOps, OneHot) {
  const Tensor y = one_hot(Tensor::from(std::vector<std::int32_t>{2, 0, 5}, {3}), 3);
  EXPECT_EQ(y.to_vector(), (std::vector<float>{0, 0, 1, 1, 0, 0, 0, 0, 0}));
}

TEST(LossOps, RejectsWhatDoesNotFit) {
  const Tensor logits = Tensor::zeros({2, 3});
  const auto labels = [](std::vector<std::int32_t> v) { return Tensor::from(v, {dim_t(v.size())}); };
  EXPECT_ERROR(softmax_cross_entropy(logits, labels({0, 3})), DataError, "labels in [0, 3)");
  EXPECT_ERROR(softmax_cross_entropy(logits, labels({-1, 0})), DataError, "1 of 2 outside");
  EXPECT_ERROR(softmax_cross_entropy(logits, labels({0})), ShapeError, "labels [2]");
  EXPECT_ERROR(softmax_cross_entropy(logits, Tensor::zeros({2})), DTypeError, "i32 labels");
  EXPECT_ERROR(softmax_cross_entropy(logits, labels({0, 1}), {1.5f}), UsageError, "label_smoothing");
  EXPECT_ERROR(softmax_cross_entropy(Tensor::zeros({2, 3, 1}), labels({0, 1})), ShapeError, "[rows, classes]");
  EXPECT_ERROR(softmax_cross_entropy_soft(logits, Tensor::zeros({2, 4})), ShapeError, "equal shapes");
  EXPECT_ERROR(kl_divergence(logits, logits, 0), UsageError, "temperature");
  EXPECT_ERROR(log_softmax(Tensor::scalar(1)), ShapeError, "at least one axis");
}

}  // namespace
}  // namespace engram::testing
