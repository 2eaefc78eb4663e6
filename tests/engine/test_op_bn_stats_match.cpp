/// bn_stats_match: values, gradients of order 1 and 2, agreement with separate operations, what is refused.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "kernels/bn_stats_match/bn_stats_match.h"
#include "tests/support/expect_error.h"
#include "tests/support/norm_testing.h"
#include "tests/support/op_case.h"

namespace engram::testing {
namespace {

Tensor repeated_ramp(dim_t channels, float first, float step) {
  std::vector<float> values;
  for (dim_t c = 0; c < channels; ++c) values.push_back(first + step * float(c % 7));
  return Tensor::from(values, {channels}, test_device());
}

/// gamma, beta, running_mean, running_var of some channels.
struct Frozen {
  explicit Frozen(dim_t c)
      : gamma(repeated_ramp(c, -0.5f, 0.3f)),
        beta(repeated_ramp(c, 0.3f, -0.1f)),
        mean(repeated_ramp(c, -0.2f, 0.1f)),
        var(repeated_ramp(c, 0.6f, 0.2f)) {}
  Tensor gamma, beta, mean, var;
};

/// Weighs the three outputs differently; the gradient of y squared makes the second derivative depend on it.
void check(const Shape& shape, bool with_residual) {
  const Frozen frozen(shape[1]);
  std::vector<Shape> inputs = {shape};
  if (with_residual) inputs.push_back(shape);
  check_op({.name = message("bn_stats_match ", to_string(shape), with_residual ? " residual" : ""),
            .inputs = inputs,
            .op =
                [&](const std::vector<Tensor>& x) {
                  const BnStatsMatch out = bn_stats_match(x[0], frozen.gamma, frozen.beta, frozen.mean, frozen.var, {},
                                                          with_residual ? x[1] : Tensor());
                  return add(square(out.y), add(mul(out.var_norm, 3.f), mul(out.mean_norm, -2.f)));
                },
            .reference =
                [&](const std::vector<Array>& x) {
                  Array y = x[0];
                  const auto gamma = to_double(frozen.gamma), beta = to_double(frozen.beta),
                             mean = to_double(frozen.mean), var = to_double(frozen.var);
                  std::vector<double> batch_mean(gamma.size()), batch_var(gamma.size());
                  kernels::reference::BnStatsMatch args = {.shape = {shape[0], shape[1], shape[2], shape[3], 1},
                                                           .x = x[0].values.data(),
                                                           .residual = with_residual ? x[1].values.data() : nullptr,
                                                           .gamma = gamma.data(),
                                                           .beta = beta.data(),
                                                           .running_mean = mean.data(),
                                                           .running_var = var.data(),
                                                           .eps = 1e-5f,
                                                           .activation = Activation::kNone,
                                                           .slope = 0,
                                                           .pre = nullptr,
                                                           .y = y.values.data(),
                                                           .batch_mean = batch_mean.data(),
                                                           .batch_var = batch_var.data()};
                  kernels::reference::bn_stats_match(args);
                  return map(y, [&](double v) { return v * v + 3 * args.var_norm - 2 * args.mean_norm; });
                },
            .gradient_tolerance = 1e-3});
}

TEST(BnStatsMatchOp, ValuesAndGradients) {
  for (const Shape& shape : {Shape{2, 3, 3, 2}, Shape{3, 16, 2, 3}, Shape{2, 1, 1, 1}, Shape{5, 32, 1, 1}})
    for (bool residual : {false, true}) check(shape, residual);
}

BnStatsMatch composite(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Frozen& frozen,
                       const BnStatsMatchOptions& o, const Tensor& residual) {
  const auto channels = [](const Tensor& v) { return reshape(v, {1, v.numel(), 1, 1}); };
  Tensor v = mul(sub(x, channels(frozen.mean)), channels(mul(gamma, pow(add(frozen.var, o.eps), -0.5f))));
  v = add(v, channels(beta));
  if (residual.defined()) v = add(v, residual);
  return {apply_activation(v, o.activation, o.slope), norm(sub(frozen.var, var(x, {0, 2, 3}))),
          norm(sub(frozen.mean, mean(x, {0, 2, 3})))};
}

TEST(BnStatsMatchOp, MatchesSeparateOperationsWithAnActivation) {
  for (const Shape& shape : {Shape{3, 5, 3, 3}, Shape{2, 16, 5, 3}})
    for (bool trained : {false, true}) {
      const BnStatsMatchOptions o = {.activation = trained ? Activation::kLeakyRelu : Activation::kRelu, .slope = 0.2f};
      Frozen frozen(shape[1]);
      std::vector<Tensor> in = {spread(shape, 0).set_requires_grad(), spread(shape, 3).set_requires_grad()};
      if (trained) {  // gamma and beta take gradients too
        in.push_back(frozen.gamma.set_requires_grad());
        in.push_back(frozen.beta.set_requires_grad());
      }
      const auto gradients = [&](const BnStatsMatch& out, bool second) {
        const Tensor y = out.y;
        const Tensor loss =
            add(sum(mul(square(y), spread(shape, 5))), add(mul(out.var_norm, 4.f), square(out.mean_norm)));
        std::vector<Tensor> g = grad({loss}, in, {.create_graph = second});
        if (!second) return g;
        Tensor total = Tensor::scalar(0, test_device());
        for (const Tensor& part : g) total = add(total, sum(mul(part, spread(part.shape(), 7))));
        return grad({total}, in);
      };
      for (bool second : {false, true}) {
        const auto got =
            gradients(bn_stats_match(in[0], frozen.gamma, frozen.beta, frozen.mean, frozen.var, o, in[1]), second);
        const auto expected = gradients(composite(in[0], frozen.gamma, frozen.beta, frozen, o, in[1]), second);
        for (std::size_t i = 0; i < in.size(); ++i) expect_near(got[i], expected[i], second ? 1e-3 : 1e-4);
      }
    }
}

TEST(BnStatsMatchOp, EachOutputAloneAndYWithTwoConsumers) {
  const Shape shape = {2, 16, 3, 3};
  const Frozen frozen(16);
  const Tensor x = spread(shape, 0).set_requires_grad(), residual = spread(shape, 1).set_requires_grad();
  const BnStatsMatchOptions o = {.activation = Activation::kRelu};
  const auto run = [&](const auto& loss) {
    const auto out = bn_stats_match(x, frozen.gamma, frozen.beta, frozen.mean, frozen.var, o, residual);
    const auto separate = composite(x, frozen.gamma, frozen.beta, frozen, o, residual);
    const auto got = grad({loss(out)}, {x, residual}, {.allow_unused = true});
    const auto expected = grad({loss(separate)}, {x, residual}, {.allow_unused = true});
    for (std::size_t i = 0; i < 2; ++i) {
      ASSERT_EQ(got[i].defined(), expected[i].defined());
      if (got[i].defined()) expect_near(got[i], expected[i], 1e-5);
    }
  };
  run([](const BnStatsMatch& out) { return out.var_norm; });
  run([](const BnStatsMatch& out) { return out.mean_norm; });
  run([](const BnStatsMatch& out) { return sum(out.y); });
  run([&](const BnStatsMatch& out) {
    return add(sum(mul(out.y, spread(shape, 2))), add(sum(square(out.y)), out.var_norm));
  });
}

TEST(BnStatsMatchOp, MatchedStatisticsHaveNoGradient) {
  Tensor x = Tensor::from(std::vector<float>{1, 3}, {2, 1, 1, 1}).set_requires_grad();
  const auto out = bn_stats_match(x, {}, {}, Tensor::full({1}, 2), Tensor::ones({1}));
  EXPECT_EQ(out.var_norm.item(), 0);
  EXPECT_EQ(out.mean_norm.item(), 0);
  EXPECT_EQ(grad({add(out.var_norm, out.mean_norm)}, {x})[0].to_vector(), (std::vector<float>{0, 0}));
}

/// Two layers, one after the other: a loss of the sums of their norms and of the result, its gradient and the gradient
/// of that.
std::vector<Tensor> two_layers(bool grouped, bool frozen_scales) {
  const Shape shape = {2, 16, 3, 3};
  Frozen first(16), second(16);
  if (!frozen_scales) second.gamma.set_requires_grad();
  const Tensor x = spread(shape, 0).set_requires_grad();
  BnStatsMatchGroup group(2, test_device());
  const BnStatsMatchOptions o = {.activation = Activation::kRelu, .group = grouped ? &group : nullptr};
  const auto a = bn_stats_match(x, first.gamma, first.beta, first.mean, first.var, o);
  const auto b = bn_stats_match(square(a.y), second.gamma, second.beta, second.mean, second.var, o);
  BnStatsMatchGroup::Sums sums;
  if (grouped) {
    sums = group.finish();
  } else {
    sums = {add(a.var_norm, b.var_norm), add(a.mean_norm, b.mean_norm)};
  }
  const Tensor loss = add(add(mul(square(sums.var_norm), 3.f), sums.mean_norm), sum(mul(b.y, spread(shape, 5))));
  const Tensor fused = grad({loss}, {x}, {.retain_graph = true})[0];
  const Tensor g = grad({loss}, {x}, {.create_graph = true})[0];
  const Tensor gg = grad({sum(mul(g, spread(shape, 7)))}, {x})[0];
  return {sums.var_norm, sums.mean_norm, a.var_norm, b.mean_norm, fused, gg};
}

TEST(BnStatsMatchOp, AGroupChangesNothing) {
  for (const bool frozen_scales : {true, false}) {
    const auto got = two_layers(true, frozen_scales), expected = two_layers(false, frozen_scales);
    for (std::size_t i = 0; i < got.size(); ++i) expect_near(got[i], expected[i], 1e-5);
  }
}

TEST(BnStatsMatchOp, AFullGroupIsNamed) {
  const Frozen frozen(3);
  const Tensor x = spread({2, 3, 2, 2}, 0);
  BnStatsMatchGroup group(1, test_device());
  bn_stats_match(x, {}, {}, frozen.mean, frozen.var, {.group = &group});
  EXPECT_ERROR(bn_stats_match(x, {}, {}, frozen.mean, frozen.var, {.group = &group}), UsageError, "1 of 1 taken");
}

TEST(BnStatsMatchOp, RefusesWhatDoesNotFit) {
  const Tensor x = Tensor::ones({2, 3, 2, 2}), three = Tensor::ones({3}), two = Tensor::ones({2});
  EXPECT_ERROR(bn_stats_match({}, {}, {}, three, three), UsageError, "empty handle");
  EXPECT_ERROR(bn_stats_match(x, {}, {}, {}, three), UsageError, "running_mean");
  EXPECT_ERROR(bn_stats_match(x, two, {}, three, three), ShapeError, "gamma of shape [3]");
  EXPECT_ERROR(bn_stats_match(x, {}, {}, three, two), ShapeError, "running_var");
  EXPECT_ERROR(bn_stats_match(Tensor::ones({0, 3, 2, 2}), {}, {}, three, three), ShapeError, "at least one value");
  EXPECT_ERROR(bn_stats_match(x, {}, {}, three, three, {}, Tensor::ones({2, 3, 2, 1})), ShapeError, "residual");
}

}  // namespace
}  // namespace engram::testing
