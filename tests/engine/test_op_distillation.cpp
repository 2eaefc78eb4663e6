/// Fused losses of distillation: values and gradients of order 1 and 2, their edges, rejected arguments.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "kernels/attention_map/attention_map.h"
#include "kernels/factor_distance/factor_distance.h"
#include "kernels/margin_error/margin_error.h"
#include "kernels/softmax_xent/softmax_xent.h"
#include "tests/support/expect_error.h"
#include "tests/support/norm_testing.h"
#include "tests/support/op_case.h"

namespace engram::testing {
namespace {

namespace reference = kernels::reference;

std::vector<std::int32_t> some_labels(dim_t rows, dim_t classes) {
  std::vector<std::int32_t> labels;
  for (dim_t r = 0; r < rows; ++r) labels.push_back(std::int32_t((r * 7 + 1) % classes));
  return labels;
}

TEST(DistillationOps, LossesOnLogits) {
  for (const Shape& shape : {Shape{1, 2}, Shape{5, 10}, Shape{3, 33}})
    for (const float temperature : {1.f, 3.f}) {
      const auto labels = some_labels(shape[0], shape[1]);
      check_op({.name = "distillation_losses",
                .inputs = {shape, shape},
                .op =
                    [&](const auto& x) {
                      const auto losses = distillation_losses(
                          x[0], x[1], Tensor::from(labels, {shape[0]}, test_device()), {temperature, 2});
                      return add(mul(losses.cross_entropy, 0.3f), losses.divergence);
                    },
                .reference =
                    [&](const auto& x) {
                      std::vector<double> targets(x[0].values.size()), rows(targets.size() / std::size_t(shape[1]));
                      reference::smoothed_targets(labels.data(), nullptr, shape[0], shape[1], 0, targets.data());
                      reference::softmax_xent(x[0].values.data(), targets.data(), shape[0], shape[1], rows.data());
                      double loss =
                          reference::kl(x[0].values.data(), x[1].values.data(), shape[0], shape[1], temperature, 2);
                      for (const double row : rows) loss += double(0.3f) * row / double(shape[0]);
                      return Array({}, loss);
                    },
                .differentiable = {true, false}});
    }
}

TEST(DistillationOps, OneLossAloneHasAGradientToo) {
  const Tensor labels = Tensor::from(std::vector<std::int32_t>{1, 0}, {2}, test_device());
  const Tensor teacher = Tensor::from(std::vector<float>{0, 1, 2, 2, 1, 0}, {2, 3}, test_device());
  for (const bool divergence : {false, true}) {
    Tensor x = Tensor::from(std::vector<float>{1, 2, -1, 0.5f, 0.1f, 0.3f}, {2, 3}, test_device()).set_requires_grad();
    const auto both = distillation_losses(x, teacher, labels, {2, 4});
    const auto fused = grad({divergence ? both.divergence : both.cross_entropy}, {x})[0].to_vector();
    const Tensor alone = divergence ? kl_divergence(x, teacher, 2, 4) : softmax_cross_entropy(x, labels);
    const auto expected = grad({alone}, {x})[0].to_vector();
    for (std::size_t i = 0; i < fused.size(); ++i) EXPECT_NEAR(fused[i], expected[i], 1e-6);
  }
}

TEST(DistillationOps, AttentionMap) {
  for (const Shape& shape : {Shape{2, 3, 3, 5}, Shape{3, 16, 2, 2}, Shape{1, 1, 4, 1}})
    for (const int power : {1, 2, 3})
      check_op({.name = "spatial_attention",
                .inputs = {shape},
                .op = [=](const auto& x) { return spatial_attention(x[0], power); },
                .reference =
                    [=](const auto& x) {
                      Array map({shape[0], shape[2] * shape[3]});
                      reference::attention_map(planar(shape), x[0].values.data(), power, 1e-12, map.values.data());
                      return map;
                    },
                .kink = 0.1});
}

/// A target whose unit vector is far above the inputs' in every third place and far below it in the others, so that no
/// difference changes its sign.
std::vector<float> far_target(dim_t count) {
  std::vector<float> values;
  for (dim_t i = 0; i < count; ++i) values.push_back(i % 3 == 0 ? 40.f : -5.f);
  return values;
}

TEST(DistillationOps, FactorDistance) {
  for (const Shape& shape : {Shape{3, 6}, Shape{2, 4, 3, 3}, Shape{1, 33}})
    for (const int p : {1, 2}) {
      const dim_t rows = shape[0], width = numel(shape) / rows;
      const auto target = far_target(rows * width);
      check_op(
          {.name = "normalized_distance",
           .inputs = {shape},
           .op =
               [=](const auto& x) { return normalized_distance(x[0], Tensor::from(target, shape, test_device()), p); },
           .reference =
               [=](const auto& x) {
                 const std::vector<double> wide(target.begin(), target.end());
                 return Array({}, reference::factor_distance(x[0].values.data(), wide.data(), rows, width, p, 1e-12));
               },
           .low = 0.6,
           .high = 0.8});
    }
}

TEST(DistillationOps, EqualFactorsHaveGradientZeroInBothForms) {
  for (const int p : {1, 2})
    for (const bool create_graph : {false, true}) {
      const std::vector<float> values = {1, -2, 3, 0.5f, 4, -1};
      Tensor a = Tensor::from(values, {2, 3}, test_device()).set_requires_grad();
      const Tensor distance = normalized_distance(a, Tensor::from(values, {2, 3}, test_device()), p);
      EXPECT_EQ(distance.item(), 0);
      for (const float g : grad({distance}, {a}, {.create_graph = create_graph})[0].to_vector()) EXPECT_EQ(g, 0);
    }
}

TEST(DistillationOps, FactorDistanceOfAWorkedExample) {
  // u = (0.6, 0.8, 0, 0), v = (0, 0, 5/13, 12/13).
  Tensor a = Tensor::from(std::vector<float>{3, 4, 0, 0}, {1, 4}, test_device()).set_requires_grad();
  const Tensor b = Tensor::from(std::vector<float>{0, 0, 5, 12}, {1, 4}, test_device());
  const Tensor distance = normalized_distance(a, b);
  EXPECT_NEAR(distance.item(), 0.676923, 1e-6);
  const auto g = grad({distance}, {a})[0].to_vector();
  const double expected[] = {0.008, -0.006, -0.05, -0.05};
  for (int i = 0; i < 4; ++i) EXPECT_NEAR(g[i], expected[i], 1e-7);
}

TEST(DistillationOps, MarginError) {
  for (const Shape& shape : {Shape{2, 3, 3, 5}, Shape{2, 16, 2, 3}}) {
    std::vector<float> margins, teacher;
    for (dim_t c = 0; c < shape[1]; ++c) margins.push_back(-0.3f - 0.1f * float(c % 4));
    for (dim_t i = 0; i < numel(shape); ++i) teacher.push_back(i % 2 == 0 ? 3.f : -3.f);
    check_op({.name = "margin_error",
              .inputs = {shape},
              .op =
                  [=](const auto& x) {
                    return margin_error(x[0], Tensor::from(teacher, shape, test_device()),
                                        Tensor::from(margins, {shape[1]}, test_device()), 0.1f);
                  },
              .reference =
                  [=](const auto& x) {
                    const std::vector<double> t(teacher.begin(), teacher.end()), m(margins.begin(), margins.end());
                    return Array({}, reference::margin_error(planar(shape), x[0].values.data(), t.data(), m.data(),
                                                             double(0.1f)));
                  },
              .low = -0.2,
              .high = 2});
  }
}

TEST(DistillationOps, RejectsWhatDoesNotFit) {
  const Tensor logits = Tensor::zeros({2, 3}), x = Tensor::zeros({2, 3, 4, 4});
  const auto labels = [](std::vector<std::int32_t> v) { return Tensor::from(v, {dim_t(v.size())}); };
  EXPECT_ERROR(distillation_losses(logits, logits, labels({0, 3})), DataError, "1 of 2 outside");
  EXPECT_ERROR(distillation_losses(logits, logits, labels({0, 1}), {0, 1}), UsageError, "temperature above 0");
  EXPECT_ERROR(distillation_losses(logits, Tensor::zeros({2, 4}), labels({0, 1})), ShapeError, "equal shapes");
  EXPECT_ERROR(distillation_losses(logits, logits, labels({0})), ShapeError, "labels [2]");
  EXPECT_ERROR(spatial_attention(x, 0), UsageError, "power from 1");
  EXPECT_ERROR(spatial_attention(x, 2, 0), UsageError, "eps above 0");
  EXPECT_ERROR(spatial_attention(logits), ShapeError, "[N,C,H,W]");
  EXPECT_ERROR(spatial_attention(Tensor::zeros({2, 3, 0, 4})), ShapeError, "at least one channel");
  EXPECT_ERROR(normalized_distance(logits, Tensor::zeros({3, 2})), ShapeError, "equal shapes");
  EXPECT_ERROR(normalized_distance(logits, logits, 3), UsageError, "p 1 or 2");
  EXPECT_ERROR(margin_error(x, x, Tensor::zeros({4})), ShapeError, "margins [c]");
}

}  // namespace
}  // namespace engram::testing
