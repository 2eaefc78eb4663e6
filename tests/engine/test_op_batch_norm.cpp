/// Batch normalisation with residual and activation, training and evaluation: values, gradients of order 1 and 2, running statistics.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "engine/ops/batch_norm.h"
#include "tests/support/op_case.h"

namespace engram::testing {
namespace {

constexpr float kSlope = 0.2f;

double activate(double v, Activation a) {
  if (a == Activation::kNone || v > 0) return v;
  return a == Activation::kRelu ? 0 : kSlope * v;
}

/// Inputs: x, gamma, beta and optionally a residual.
Array reference(const std::vector<Array>& in, const std::vector<float>& running_mean, const std::vector<float>& running_var, bool training,
                Activation activation) {
  const Array& x = in[0];
  const dim_t n = x.shape[0], c = x.shape[1], pixels = x.shape[2] * x.shape[3];
  Array y = x;
  for (dim_t j = 0; j < c; ++j) {
    const auto index = [&](dim_t i, dim_t p) { return std::size_t((i * c + j) * pixels + p); };
    double mean = running_mean[j], var = running_var[j];
    if (training) {
      mean = var = 0;
      for (dim_t i = 0; i < n; ++i)
        for (dim_t p = 0; p < pixels; ++p) mean += x.values[index(i, p)] / double(n * pixels);
      for (dim_t i = 0; i < n; ++i)
        for (dim_t p = 0; p < pixels; ++p) var += std::pow(x.values[index(i, p)] - mean, 2) / double(n * pixels);
    }
    for (dim_t i = 0; i < n; ++i)
      for (dim_t p = 0; p < pixels; ++p) {
        double v = in[1].values[j] * (x.values[index(i, p)] - mean) / std::sqrt(var + 1e-5) + in[2].values[j];
        if (in.size() > 3) v += in[3].values[index(i, p)];
        y.values[index(i, p)] = activate(v, activation);
      }
  }
  return y;
}

void check_case(const Shape& shape, bool training, Activation activation, bool residual) {
  const dim_t c = shape[1];
  std::vector<float> mean(std::size_t(c), 0.f), var(std::size_t(c), 0.f);
  for (dim_t j = 0; j < c; ++j) {
    mean[j] = 0.1f * float(j % 5) - 0.2f;
    var[j] = 0.5f + 0.1f * float(j % 7);
  }
  std::vector<Shape> inputs = {shape, {c}, {c}};
  if (residual) inputs.push_back(shape);
  check_op({.name = message("batch_norm ", to_string(shape), training ? " training" : " eval", " activation ", int(activation),
                            residual ? " residual" : ""),
            .inputs = inputs,
            .op =
                [=](const auto& x) {
                  const Tensor rm = Tensor::from(mean, {c}), rv = Tensor::from(var, {c});
                  return batch_norm(x[0], x[1], x[2], rm, rv, {.training = training, .activation = activation, .slope = kSlope},
                                    residual ? x[3] : Tensor());
                },
            .reference = [=](const auto& x) { return reference(x, mean, var, training, activation); },
            .tolerance = 2e-5,
            .gradient_tolerance = 5e-4});
}

TEST(BatchNormOp, TrainingAndEvaluationWithEveryFusion) {
  for (bool training : {true, false})
    for (bool residual : {false, true}) {
      check_case({3, 5, 3, 2}, training, Activation::kNone, residual);
      check_case({2, 16, 3, 3}, training, Activation::kNone, residual);
    }
}

// Activations have a kink, which finite differences may straddle: few values, and seeds that keep away from it.
TEST(BatchNormOp, ActivationsGateTheGradient) {
  for (Activation activation : {Activation::kRelu, Activation::kLeakyRelu})
    for (bool training : {true, false}) {
      check_case({2, 3, 2, 2}, training, activation, true);
      check_case({2, 16, 1, 2}, training, activation, true);
    }
}

TEST(BatchNormOp, RunningStatisticsMoveByMomentumWithTheUnbiasedVariance) {
  const Tensor x = Tensor::from(std::vector<float>{1, 3}, {2, 1, 1, 1});
  const Tensor rm = Tensor::zeros({1}), rv = Tensor::ones({1});
  batch_norm(x, Tensor::ones({1}), Tensor::zeros({1}), rm, rv, {.training = true});
  EXPECT_FLOAT_EQ(rm.item(), 0.2f);
  EXPECT_FLOAT_EQ(rv.item(), 0.9f + 0.1f * 2.f);
  batch_norm(x, Tensor::ones({1}), Tensor::zeros({1}), rm, rv, {});
  EXPECT_FLOAT_EQ(rm.item(), 0.2f);
}

TEST(BatchNormOp, GradientsOfTwoConsumersAddUp) {
  const Tensor x = Tensor::from(std::vector<float>{1, 2, -1, 4, 0.5f, -2}, {2, 3, 1, 1}).set_requires_grad();
  const auto run = [&] {
    return batch_norm(x, Tensor::ones({3}), Tensor::zeros({3}), Tensor::zeros({3}), Tensor::full({3}, 2.f), {.activation = Activation::kRelu});
  };
  const Tensor y = run();
  const auto both = grad({sum(y * 2.f) + sum(square(y))}, {x})[0].to_vector();
  const auto first = grad({sum(run() * 2.f)}, {x})[0].to_vector(), second = grad({sum(square(run()))}, {x})[0].to_vector();
  for (std::size_t i = 0; i < both.size(); ++i) EXPECT_NEAR(both[i], first[i] + second[i], 1e-6);
}

TEST(BatchNormOp, MisfittingParametersAreNamed) {
  const Tensor x = Tensor::ones({2, 3, 2, 2}), c3 = Tensor::ones({3}), c4 = Tensor::ones({4});
  EXPECT_THROW(batch_norm(x, c4, c3, c3, c3), ShapeError);
  EXPECT_THROW(batch_norm(Tensor::ones({2, 3}), c3, c3, c3, c3), ShapeError);
  EXPECT_THROW(batch_norm(x, c3, c3, c3, c3, {}, Tensor::ones({2, 3, 2, 1})), ShapeError);
}

}  // namespace
}  // namespace engram::testing
