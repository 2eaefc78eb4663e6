/// batch_norm's statistics of normal values, special values, optional operands, aliasing. Values and gradients:
/// kernel_cases/batch_norm.cpp.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "kernels/batch_norm/batch_norm.h"
#include "kernels/common/instruction_set.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::normal_values;
using testing::poisoned;
using testing::widen;
using Values = std::vector<float>;

/// |actual - expected| within `tolerance` of the largest expected value or of `scale`, if that is larger (the size of
/// terms that cancel).
void expect_close(const Values& actual, const std::vector<double>& expected, double tolerance, const std::string& what,
                  double scale = 0) {
  ASSERT_EQ(actual.size(), expected.size()) << what;
  for (double v : expected) scale = std::max(scale, std::abs(v));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance * (scale + 1e-3)) << what << " at " << i;
  }
}

/// One problem with all operands and results, float beside double.
struct NormProblem {
  NormProblem(ActivationShape s, Activation act, bool with_residual, float mean = 0.3f, float std = 1)
      : shape(s), activation(act), slope(act == Activation::kLeakyRelu ? 0.2f : 0.f), has_residual(with_residual) {
    x = normal_values(s.count(), 1, mean, std);
    residual = normal_values(s.count(), 2);
    grad_y = normal_values(s.count(), 3);
    grad_y2 = normal_values(s.count(), 4);
    gamma = normal_values(s.c, 5, 1, 0.5f);
    beta = normal_values(s.c, 6, 0, 0.5f);
    running_mean = normal_values(s.c, 7, mean, 0.3f * std);
    running_var = normal_values(s.c, 8, 2, 0.2f);
    for (float& v : running_var) v = (std::abs(v) + 0.1f) * std * std;
    workspace.resize(backend_under_test().batch_norm.workspace_bytes(s) / sizeof(float) + 1);
    mask.assign(std::size_t(activation_mask_words(s.count())), 0xdead);
  }

  void train() {
    y = poisoned(shape.count());
    saved_mean = saved_invstd = poisoned(shape.c);
    new_running_mean = running_mean;
    new_running_var = running_var;
    backend_under_test().batch_norm.train(
        {}, {shape, x.data(), has_residual ? residual.data() : nullptr, gamma.data(), beta.data(),
             new_running_mean.data(), new_running_var.data(), 0.1f, 1e-5f, activation, slope, y.data(), mask.data(),
             saved_mean.data(), saved_invstd.data(), workspace.data()});
  }

  void train_backward() {
    grad_x = grad_residual = poisoned(shape.count());
    grad_gamma = grad_beta = poisoned(shape.c);
    backend_under_test().batch_norm.train_backward(
        {}, {shape, x.data(), grad_y.data(), grad_y2.data(), mask.data(), activation, slope, saved_mean.data(),
             saved_invstd.data(), gamma.data(), grad_x.data(), grad_residual.data(), grad_gamma.data(),
             grad_beta.data(), workspace.data()});
  }

  /// Fills the expected values; uses the kernel's mask as the branch taken, so that a value near 0 cannot disagree.
  void reference(bool training) {
    const auto wide_x = widen(x), wide_residual = widen(residual), wide_gamma = widen(gamma), wide_beta = widen(beta);
    expected_mean = widen(running_mean);
    expected_var = widen(running_var);
    expected_y.assign(x.size(), 0);
    std::vector<double> pre(x.size());
    const reference::BatchNormForward forward = {shape,
                                                 wide_x.data(),
                                                 has_residual ? wide_residual.data() : nullptr,
                                                 wide_gamma.data(),
                                                 wide_beta.data(),
                                                 double(1e-5f),
                                                 activation,
                                                 slope,
                                                 expected_mean.data(),
                                                 expected_var.data(),
                                                 pre.data(),
                                                 expected_y.data()};
    training ? reference::batch_norm_train(forward) : reference::batch_norm_eval(forward);
    if (activation != Activation::kNone) {
      for (std::size_t i = 0; i < pre.size(); ++i) {
        const double bit = (mask[i / 16] >> (i % 16) & 1) ? 1 : -1;
        if (std::abs(pre[i]) > 1e-3) {
          ASSERT_EQ(bit > 0, pre[i] > 0) << "mask at " << i;
        }
        pre[i] = bit;
      }
    }
    std::vector<double> total(x.size());
    for (std::size_t i = 0; i < total.size(); ++i) total[i] = double(grad_y[i]) + grad_y2[i];
    expected_grad_x.assign(x.size(), 0);
    expected_grad_residual.assign(x.size(), 0);
    expected_grad_gamma.assign(std::size_t(shape.c), 0);
    expected_grad_beta.assign(std::size_t(shape.c), 0);
    const reference::BatchNormBackward backward = {shape,
                                                   wide_x.data(),
                                                   total.data(),
                                                   pre.data(),
                                                   wide_gamma.data(),
                                                   double(1e-5f),
                                                   activation,
                                                   slope,
                                                   expected_mean.data(),
                                                   expected_var.data(),
                                                   expected_grad_x.data(),
                                                   expected_grad_residual.data(),
                                                   expected_grad_gamma.data(),
                                                   expected_grad_beta.data()};
    training ? reference::batch_norm_train_backward(backward) : reference::batch_norm_eval_backward(backward);
  }

  ActivationShape shape;
  Activation activation;
  float slope;
  bool has_residual;
  Values x, residual, grad_y, grad_y2, gamma, beta, running_mean, running_var, workspace;
  Values y, saved_mean, saved_invstd, new_running_mean, new_running_var, grad_x, grad_residual, grad_gamma, grad_beta;
  std::vector<std::uint16_t> mask;
  std::vector<double> expected_y, expected_mean, expected_var, expected_grad_x, expected_grad_residual,
      expected_grad_gamma, expected_grad_beta;
};

/// Runs a test's body with each instruction set that the processor has.
template <class Body>
void with_every_instruction_set(const Body& body) {
  for (InstructionSet set : {InstructionSet::kBaseline, InstructionSet::kAvx2, InstructionSet::kAvx512}) {
    limit_instruction_set(set);
    body();
  }
}

TEST(BatchNorm, StatisticsOfNormalValuesAreThoseOfTheReference) {
  const ActivationShape shapes[] = {{2, 1, 1, 1, 1},   {3, 3, 5, 7, 1},     {1, 3, 9, 11, 1},    {4, 16, 1, 1, 16},
                                    {1, 16, 5, 3, 16}, {5, 48, 3, 3, 16},   {70, 48, 1, 3, 16},  {3, 48, 4, 4, 1},
                                    {7, 6, 3, 5, 3},   {2, 16, 50, 43, 16}, {3, 32, 24, 20, 16}, {2, 64, 3, 5, 64},
                                    {2, 80, 9, 7, 80}, {3, 64, 24, 20, 64}};
  with_every_instruction_set([&] {
    for (const ActivationShape& shape : shapes) {
      NormProblem p(shape, Activation::kNone, false);
      p.train();
      p.reference(true);
      expect_close(p.saved_mean, p.expected_mean, 1e-6, "mean");
      for (std::size_t c = 0; c < p.saved_invstd.size(); ++c)
        ASSERT_NEAR(p.saved_invstd[c] * std::sqrt(p.expected_var[c] + 1e-5), 1, 3e-6);
    }
  });
}

TEST(BatchNorm, LargeMeanSmallVariance) {
  for (dim_t block : {1, 16}) {
    NormProblem p({8, 16, 9, 9, block}, Activation::kNone, false, 1e4f, 0.05f);
    p.train();
    p.train_backward();
    p.reference(true);
    for (std::size_t c = 0; c < 16; ++c) {
      EXPECT_NEAR(p.saved_invstd[c] * std::sqrt(p.expected_var[c] + 1e-5), 1, 1e-5);
      EXPECT_NEAR(p.saved_mean[c], p.expected_mean[c], 1e-3);
    }
    // The mean itself is rounded to f32 (half a unit in the last place at 1e4 is 5e-4, a hundredth of the deviation).
    expect_close(p.y, p.expected_y, 1e-2, "y");
    expect_close(p.grad_x, p.expected_grad_x, 1e-2, "grad_x");
  }
}

TEST(BatchNorm, ConstantChannelHasNoVariance) {
  NormProblem p({4, 16, 5, 5, 16}, Activation::kNone, false);
  std::fill(p.x.begin(), p.x.end(), 1234.5f);
  p.train();
  for (std::size_t c = 0; c < 16; ++c) EXPECT_EQ(p.saved_invstd[c], float(1 / std::sqrt(double(1e-5f))));
  for (std::size_t i = 0; i < p.y.size(); ++i) ASSERT_EQ(p.y[i], p.beta[i % 16]);
}

TEST(BatchNorm, MaskBitsPastTheEndAreZero) {
  NormProblem p({1, 3, 3, 3, 1}, Activation::kRelu, false);
  std::fill(p.beta.begin(), p.beta.end(), 100.f);
  p.train();
  EXPECT_EQ(p.mask[0], 0xffff);
  EXPECT_EQ(p.mask[1], 0x07ff);
}

TEST(BatchNorm, NanStaysNan) {
  with_every_instruction_set([] {
    NormProblem p({2, 16, 3, 3, 16}, Activation::kRelu, false);
    p.x[5] = std::numeric_limits<float>::quiet_NaN();
    p.train();
    for (std::size_t i = 0; i < p.y.size(); ++i) EXPECT_EQ(std::isnan(p.y[i]), i % 16 == 5);
  });
}

TEST(BatchNorm, ResultsMayOverwriteTheirInputs) {
  for (const ActivationShape shape : {ActivationShape{3, 32, 5, 7, 16}, ActivationShape{3, 5, 3, 7, 1}}) {
    NormProblem p(shape, Activation::kRelu, true), q(shape, Activation::kRelu, true);
    p.train();
    p.train_backward();
    q.train();
    const auto& kernels = backend_under_test().batch_norm;
    Values second = q.grad_y2;
    kernels.train_backward({}, {shape, q.x.data(), q.grad_y.data(), second.data(), q.mask.data(), q.activation, q.slope,
                                q.saved_mean.data(), q.saved_invstd.data(), q.gamma.data(), q.grad_y.data(),
                                second.data(), nullptr, nullptr, q.workspace.data()});
    EXPECT_EQ(q.grad_y, p.grad_x);
    EXPECT_EQ(second, p.grad_residual);
    Values y = q.residual, mean = poisoned(shape.c), invstd = poisoned(shape.c);
    kernels.train({}, {shape, q.x.data(), y.data(), q.gamma.data(), q.beta.data(), nullptr, nullptr, 0.1f, 1e-5f,
                       Activation::kRelu, 0, y.data(), nullptr, mean.data(), invstd.data(), q.workspace.data()});
    EXPECT_EQ(y, p.y);
  }
}

TEST(BatchNorm, OptionalOperandsDoNotChangeTheOthers) {
  const ActivationShape shape = {3, 32, 5, 7, 16};
  NormProblem p(shape, Activation::kRelu, false);
  std::fill(p.gamma.begin(), p.gamma.end(), 1.f);
  std::fill(p.beta.begin(), p.beta.end(), 0.f);
  std::fill(p.grad_y2.begin(), p.grad_y2.end(), 0.f);
  p.train();
  p.train_backward();
  const auto& kernels = backend_under_test().batch_norm;
  Values y = poisoned(shape.count()), mean = poisoned(shape.c), invstd = poisoned(shape.c),
         grad_x = poisoned(shape.count());
  kernels.train({}, {shape, p.x.data(), nullptr, nullptr, nullptr, nullptr, nullptr, 0.1f, 1e-5f, Activation::kRelu, 0,
                     y.data(), nullptr, mean.data(), invstd.data(), p.workspace.data()});
  EXPECT_EQ(y, p.y);
  kernels.train_backward(
      {}, {shape, p.x.data(), p.grad_y.data(), nullptr, p.mask.data(), Activation::kRelu, 0, mean.data(), invstd.data(),
           nullptr, grad_x.data(), nullptr, nullptr, nullptr, p.workspace.data()});
  EXPECT_EQ(grad_x, p.grad_x);
  Values grad_residual = poisoned(shape.count()), grad_gamma = poisoned(shape.c);
  kernels.train_backward(
      {}, {shape, p.x.data(), p.grad_y.data(), nullptr, p.mask.data(), Activation::kRelu, 0, mean.data(), invstd.data(),
           nullptr, nullptr, grad_residual.data(), grad_gamma.data(), nullptr, p.workspace.data()});
  EXPECT_EQ(grad_residual, p.grad_residual);
  EXPECT_EQ(grad_gamma, p.grad_gamma);
}

}  // namespace
}  // namespace engram::kernels
