/// batch_norm: values, gradients of order 1 and 2 in training and evaluation, running statistics, what is kept and
/// refused.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/autograd.h"
#include "kernels/batch_norm/batch_norm.h"
#include "tests/support/expect_error.h"
#include "tests/support/norm_testing.h"
#include "tests/support/op_case.h"

namespace engram::testing {
namespace {

/// The reference on x, gamma, beta and an optional residual, all planar; mean and var are given in evaluation.
Array reference_of(const std::vector<Array>& in, const BatchNormOptions& o, std::vector<double> mean,
                   std::vector<double> var) {
  Array y = in[0];
  mean.resize(in[1].values.size());
  var.resize(in[1].values.size());
  const kernels::reference::BatchNormForward args = {.shape = planar(in[0].shape),
                                                     .x = in[0].values.data(),
                                                     .residual = in.size() > 3 ? in[3].values.data() : nullptr,
                                                     .gamma = in[1].values.data(),
                                                     .beta = in[2].values.data(),
                                                     .eps = o.eps,
                                                     .activation = o.activation,
                                                     .slope = o.slope,
                                                     .mean = mean.data(),
                                                     .var = var.data(),
                                                     .pre = nullptr,
                                                     .y = y.values.data()};
  o.training ? kernels::reference::batch_norm_train(args) : kernels::reference::batch_norm_eval(args);
  return y;
}

Tensor channel_ramp(dim_t channels, float first, float step) {
  std::vector<float> values;
  for (dim_t c = 0; c < channels; ++c) values.push_back(first + step * float(c));
  return Tensor::from(values, {channels}, test_device());
}

/// Without an activation, whose kink finite differences would straddle; see MatchesTheCompositeBelowAndAboveZero.
void check(const Shape& shape, BatchNormOptions o, bool with_residual) {
  const dim_t c = shape[1];
  const Tensor mean = channel_ramp(c, -0.2f, 0.03f), var = channel_ramp(c, 0.6f, 0.05f);
  std::vector<Shape> inputs = {shape, {c}, {c}};
  if (with_residual) inputs.push_back(shape);
  check_op({.name = message("batch_norm ", to_string(shape), o.training ? " training" : " evaluation",
                            with_residual ? " residual" : ""),
            .inputs = inputs,
            .op =
                [&](const std::vector<Tensor>& x) {
                  return square(batch_norm(x[0], x[1], x[2], o.training ? Tensor() : mean, o.training ? Tensor() : var,
                                           o, with_residual ? x[3] : Tensor()));
                },
            .reference =
                [&](const std::vector<Array>& x) {
                  return map(reference_of(x, o, to_double(mean), to_double(var)), [](double v) { return v * v; });
                },
            .gradient_tolerance = 1e-3});
}

TEST(BatchNormOp, Training) {
  for (const Shape& shape : {Shape{2, 3, 3, 2}, Shape{3, 16, 2, 3}, Shape{5, 2, 1, 1}})
    for (bool residual : {false, true}) check(shape, {.training = true}, residual);
}

TEST(BatchNormOp, Evaluation) {
  for (const Shape& shape : {Shape{2, 3, 3, 2}, Shape{1, 32, 2, 3}, Shape{1, 1, 1, 1}})
    for (bool residual : {false, true}) check(shape, {.training = false}, residual);
}

Tensor composite(const Tensor& x, const Tensor& gamma, const Tensor& beta, const BatchNormOptions& o,
                 const Tensor& residual) {
  const std::vector<int> axes = {0, 2, 3};
  const Shape channels = {1, gamma.numel(), 1, 1};
  const Tensor normalised = mul(sub(x, mean(x, axes, true)), pow(add(var(x, axes, true), o.eps), -0.5f));
  Tensor v = add(mul(normalised, reshape(gamma, channels)), reshape(beta, channels));
  if (residual.defined()) v = add(v, residual);
  return apply_activation(v, o.activation, o.slope);
}

TEST(BatchNormOp, MatchesTheCompositeBelowAndAboveZero) {
  for (const Shape& shape : {Shape{3, 5, 3, 3}, Shape{2, 16, 5, 3}})
    for (Activation activation : {Activation::kRelu, Activation::kLeakyRelu}) {
      const BatchNormOptions o = {
          .training = true, .activation = activation, .slope = activation == Activation::kRelu ? 0.f : 0.2f};
      const auto leaf = [&](const Shape& s, float phase) { return spread(s, phase).set_requires_grad(); };
      std::vector<Tensor> in = {leaf(shape, 0), leaf({shape[1]}, 1), leaf({shape[1]}, 2), leaf(shape, 3)};
      const auto both = [&](const Tensor& y, bool create_graph) {
        const Tensor loss = sum(mul(square(y), spread(shape, 5)));
        std::vector<Tensor> g = grad({loss}, in, {.create_graph = create_graph});
        if (!create_graph) return g;
        Tensor total = Tensor::scalar(0, test_device());
        for (std::size_t i = 0; i < g.size(); ++i) total = add(total, sum(mul(g[i], spread(g[i].shape(), 7))));
        return grad({total}, in);
      };
      for (bool second : {false, true}) {
        const auto got = both(batch_norm(in[0], in[1], in[2], {}, {}, o, in[3]), second);
        const auto expected = both(composite(in[0], in[1], in[2], o, in[3]), second);
        for (std::size_t i = 0; i < in.size(); ++i) expect_near(got[i], expected[i], second ? 1e-3 : 1e-4);
      }
    }
}

TEST(BatchNormOp, RunningStatisticsFollowTheTorchConvention) {
  const Tensor x = Tensor::from(std::vector<float>{1, 3, 2, 6}, {2, 2, 1, 1});  // channel 0: 1, 2; channel 1: 3, 6
  Tensor mean = Tensor::zeros({2}), var = Tensor::ones({2});
  const auto version = mean.storage().version();
  batch_norm(x, {}, {}, mean, var, {.training = true, .momentum = 0.5f});
  EXPECT_EQ(mean.to_vector(), (std::vector<float>{0.75f, 2.25f}));
  EXPECT_EQ(var.to_vector(), (std::vector<float>{0.75f, 2.75f}));  // unbiased: 0.5 and 4.5
  EXPECT_NE(mean.storage().version(), version);
  batch_norm(x, {}, {}, mean, var, {});
  EXPECT_EQ(mean.to_vector(), (std::vector<float>{0.75f, 2.25f}));
}

TEST(BatchNormOp, EvaluationNodesOutliveAnUpdateOfTheStatistics) {
  Tensor x = spread({2, 16, 2, 2}, 0).set_requires_grad();
  Tensor mean = Tensor::zeros({16}, test_device()), var = Tensor::ones({16}, test_device());
  const Tensor y = batch_norm(x, {}, {}, mean, var, {.eps = 0});
  batch_norm(x, {}, {}, mean, var, {.training = true, .momentum = 1});
  for (float g : grad({sum(y)}, {x})[0].to_vector()) EXPECT_EQ(g, 1);
}

TEST(BatchNormOp, TwoConsumersAndAResidualChain) {
  Tensor x = spread({2, 16, 3, 3}, 0).set_requires_grad(), gamma = spread({16}, 1).set_requires_grad();
  const auto net = [&](bool fused) {
    const BatchNormOptions o = {.training = true, .activation = Activation::kRelu};
    const auto layer = [&](const Tensor& in, const Tensor& residual) {
      return fused ? batch_norm(in, gamma, gamma, {}, {}, o, residual) : composite(in, gamma, gamma, o, residual);
    };
    const Tensor a = layer(x, {});
    const Tensor b = layer(mul(a, 2.f), a);
    const Tensor c = layer(mul(b, 3.f), b);
    return grad({sum(mul(c, spread({2, 16, 3, 3}, 4)))}, {x, gamma});
  };
  const auto got = net(true), expected = net(false);
  expect_near(got[0], expected[0], 2e-4);
  expect_near(got[1], expected[1], 2e-4);
}

TEST(BatchNormOp, RefusesWhatDoesNotFit) {
  const Tensor x = Tensor::ones({2, 3, 2, 2}), three = Tensor::ones({3}), two = Tensor::ones({2});
  EXPECT_ERROR(batch_norm({}, {}, {}, three, three), UsageError, "expected x");
  EXPECT_ERROR(batch_norm(three, {}, {}, three, three), ShapeError, "[N,C,H,W]");
  EXPECT_ERROR(batch_norm(x, two, {}, three, three), ShapeError, "gamma of shape [3]");
  EXPECT_ERROR(batch_norm(x, {}, {}, three, two), ShapeError, "running_var");
  EXPECT_ERROR(batch_norm(x, {}, {}, {}, {}), UsageError, "in evaluation");
  EXPECT_ERROR(batch_norm(x, {}, {}, three, {}, {.training = true}), UsageError, "or neither");
  EXPECT_ERROR(batch_norm(Tensor::ones({1, 3, 1, 1}), {}, {}, {}, {}, {.training = true}), ShapeError,
               "more than one value");
  EXPECT_ERROR(batch_norm(x, {}, {}, three, three, {}, Tensor::ones({2, 3, 2, 1})), ShapeError, "residual");
}

}  // namespace
}  // namespace engram::testing
