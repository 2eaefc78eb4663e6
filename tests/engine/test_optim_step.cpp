/// Optimiser steps on lists of tensors: state handling, skipped gradients, versions, layouts. The arithmetic is tested
/// in tests/kernels.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "engine/optim_step.h"
#include "tests/support/expect_error.h"

namespace engram {
namespace {

TEST(OptimStep, SgdFirstStepTakesTheGradientAsMomentum) {
  const std::vector<Tensor> params = {Tensor::ones({3}), Tensor::ones({2, 2})};
  const std::vector<Tensor> grads = {Tensor::full({3}, 2), Tensor::full({2, 2}, 1)};
  std::vector<Tensor> momentum;
  const SgdOptions options = {.lr = 0.1f, .momentum = 0.9f};
  sgd_step(params, grads, momentum, options);
  EXPECT_FLOAT_EQ(params[0].to_vector()[2], 0.8f);
  EXPECT_EQ(momentum[1].to_vector(), std::vector<float>(4, 1));
  sgd_step(params, grads, momentum, options);
  EXPECT_FLOAT_EQ(momentum[0].to_vector()[0], 3.8f);
  EXPECT_FLOAT_EQ(params[0].to_vector()[0], 0.8f - 0.38f);
}

TEST(OptimStep, ParametersWithoutGradientKeepValueAndState) {
  const std::vector<Tensor> params = {Tensor::ones({3}), Tensor::ones({2})};
  std::vector<AdamState> state;
  adam_step(params, {Tensor(), Tensor::ones({2})}, state, {.lr = 0.5f});
  EXPECT_EQ(params[0].to_vector(), std::vector<float>(3, 1));
  EXPECT_FALSE(state[0].step.defined());
  EXPECT_FALSE(state[0].m.defined());
  EXPECT_EQ(state[1].step.to_int_vector()[0], 1);
  EXPECT_NEAR(params[1].to_vector()[0], 0.5f, 1e-6);  // the first step has length lr
}

TEST(OptimStep, MinimisesAQuadratic) {
  Tensor x = Tensor::from(std::vector<float>{3, -2}, {2}).set_requires_grad();
  const Tensor goal = Tensor::from(std::vector<float>{1, 1}, {2});
  std::vector<AdamState> state;
  for (int i = 0; i < 300; ++i) adam_step({x}, grad({mse(x, goal)}, {x}), state, {.lr = 0.05f});
  EXPECT_NEAR(x.to_vector()[0], 1, 1e-2);
  EXPECT_NEAR(x.to_vector()[1], 1, 1e-2);
}

TEST(OptimStep, AStepAfterTheForwardIsNoticedByTheBackward) {
  Tensor x = Tensor::ones({2}).set_requires_grad();
  const Tensor loss = sum(square(x));
  std::vector<Tensor> momentum;
  sgd_step({x}, {Tensor::ones({2})}, momentum, {.lr = 0.1f});
  EXPECT_THROW(grad({loss}, {x}), UsageError);
}

TEST(OptimStep, GradientsOfAnotherLayoutAreConverted) {
  const std::vector<float> values = [] {
    std::vector<float> v(16 * 4);
    for (std::size_t i = 0; i < v.size(); ++i) v[i] = float(i);
    return v;
  }();
  const Tensor planar = Tensor::from(values, {1, 16, 2, 2});
  const Tensor a = planar.clone(), b = planar.blocked().clone();
  std::vector<Tensor> no_momentum;
  sgd_step({a, b}, {planar.blocked(), planar}, no_momentum, {.lr = 0.5f});
  for (const Tensor& x : {a, b})
    for (std::size_t i = 0; i < values.size(); ++i) EXPECT_EQ(x.to_vector()[i], values[i] / 2);
}

TEST(OptimStep, ClippedStepUsesTheNormOfAllGradients) {
  const std::vector<Tensor> grads = {Tensor::full({1}, 3), Tensor(), Tensor::full({1}, 4)};
  const GradNorm norm = grad_norm(grads, 1);
  EXPECT_FLOAT_EQ(norm.norm.item(), 5);
  EXPECT_NEAR(norm.factor.item(), 0.2, 1e-6);
  const std::vector<Tensor> params = {Tensor::zeros({1}), Tensor::zeros({7}), Tensor::zeros({1})};
  std::vector<Tensor> momentum;
  sgd_step(params, grads, momentum, {.lr = 1}, norm.factor);
  EXPECT_NEAR(params[0].item(), -0.6, 1e-6);
  EXPECT_NEAR(params[2].item(), -0.8, 1e-6);
}

TEST(OptimStep, Ema) {
  const Tensor average = Tensor::zeros({2});
  ema_step({average}, {Tensor::ones({2})}, 0.75);
  EXPECT_FLOAT_EQ(average.to_vector()[0], 0.25f);
}

TEST(OptimStep, RejectsListsThatDoNotFit) {
  std::vector<Tensor> momentum;
  EXPECT_ERROR(sgd_step({Tensor::ones({2})}, {}, momentum, {}), ShapeError, "equal length");
  EXPECT_ERROR(sgd_step({Tensor::ones({2})}, {Tensor::ones({3})}, momentum, {}), ShapeError, "like its parameter");
  EXPECT_ERROR(sgd_step({transpose(Tensor::ones({2, 3}), 0, 1)}, {Tensor::ones({3, 2})}, momentum, {}), UsageError,
               "dense");
}

}  // namespace
}  // namespace engram
