/// Optimiser steps one after another against the double-precision reference, and of special values. Single steps of
/// every form: kernel_cases/optim_step.cpp.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/optim_step/optim_step.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::random_values;

const float kLearningRate = 0.1f, kAdamLearningRate = 5e-2f;

/// Sizes below, at and above the vector and chunk sizes; an empty tensor too.
const std::vector<dim_t> kCounts = {1, 17, 0, 16384, 5, 40000, 333};

/// The same values in f32 and double, one pair of arrays a tensor.
struct Arrays {
  std::vector<std::vector<float>> narrow;
  std::vector<std::vector<double>> wide;

  explicit Arrays(unsigned seed, float low = -1, float high = 1) {
    for (dim_t count : kCounts) {
      narrow.push_back(random_values(count, seed++, low, high));
      wide.emplace_back(narrow.back().begin(), narrow.back().end());
    }
  }
};

void expect_close(const Arrays& arrays, double tolerance) {
  for (std::size_t k = 0; k < kCounts.size(); ++k)
    for (dim_t i = 0; i < kCounts[k]; ++i)
      ASSERT_NEAR(arrays.narrow[k][i], arrays.wide[k][i], tolerance * (1 + std::abs(arrays.wide[k][i])))
          << "tensor " << k;
}

struct SgdCase {
  float momentum, weight_decay;
  bool nesterov;
  float grad_scale;
};

class SgdTest : public ::testing::TestWithParam<SgdCase> {};

TEST_P(SgdTest, FollowsReferenceOverSteps) {
  const SgdCase c = GetParam();
  Arrays param(1), momentum(100, 5, 6);  // the buffer's content must not matter in the first step
  for (int step = 0; step < 4; ++step) {
    Arrays grad(200 + 10 * step);
    std::vector<SgdTensor> tensors;
    for (std::size_t k = 0; k < kCounts.size(); ++k) {
      tensors.push_back({param.narrow[k].data(), grad.narrow[k].data(),
                         c.momentum == 0 ? nullptr : momentum.narrow[k].data(), kCounts[k], step == 0});
      reference::sgd(param.wide[k].data(), grad.wide[k].data(), momentum.wide[k].data(), kCounts[k], step == 0, 0.1f,
                     c.momentum, c.weight_decay, c.nesterov, c.grad_scale);
    }
    backend_under_test().optim_step.sgd({}, {tensors.data(), int(tensors.size()), &kLearningRate, c.momentum,
                                             c.weight_decay, c.nesterov, c.grad_scale == 1 ? nullptr : &c.grad_scale});
  }
  expect_close(param, 1e-6);
  if (c.momentum != 0) expect_close(momentum, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Forms, SgdTest,
                         ::testing::Values(SgdCase{0, 0, false, 1}, SgdCase{0, 5e-4f, false, 0.5f},
                                           SgdCase{0.9f, 5e-4f, false, 1}, SgdCase{0.9f, 5e-4f, true, 1},
                                           SgdCase{0.9f, 0, true, 0.25f}));

struct AdamCase {
  float weight_decay;
  bool decoupled;
  float grad_scale;
};

class AdamTest : public ::testing::TestWithParam<AdamCase> {};

TEST_P(AdamTest, FollowsReferenceOverSteps) {
  const AdamCase c = GetParam();
  Arrays param(1), m(100), v(150);
  for (auto* arrays : {&m, &v})
    for (std::size_t k = 0; k < kCounts.size(); ++k) {
      std::fill(arrays->narrow[k].begin(), arrays->narrow[k].end(), 0.f);
      std::fill(arrays->wide[k].begin(), arrays->wide[k].end(), 0.0);
    }
  std::vector<std::int32_t> steps(kCounts.size(), 0);
  for (int step = 1; step <= 5; ++step) {
    Arrays grad(200 + 10 * step);
    std::vector<AdamTensor> tensors;
    for (std::size_t k = 0; k < kCounts.size(); ++k) {
      tensors.push_back({param.narrow[k].data(), grad.narrow[k].data(), m.narrow[k].data(), v.narrow[k].data(),
                         kCounts[k], &steps[k]});
      reference::adam(param.wide[k].data(), grad.wide[k].data(), m.wide[k].data(), v.wide[k].data(), kCounts[k], step,
                      5e-2f, 0.9, 0.999, 1e-8, c.weight_decay, c.decoupled, c.grad_scale);
    }
    backend_under_test().optim_step.adam(
        {}, {tensors.data(), int(tensors.size()), &kAdamLearningRate, 0.9, 0.999, 1e-8f, c.weight_decay, c.decoupled,
             c.grad_scale == 1 ? nullptr : &c.grad_scale});
  }
  EXPECT_EQ(steps, std::vector<std::int32_t>(kCounts.size(), 5));
  // Where a gradient happens to be tiny, m / sqrt(v) carries the relative rounding of both.
  expect_close(param, 2e-6);
  expect_close(m, 1e-6);
  expect_close(v, 1e-6);
}

INSTANTIATE_TEST_SUITE_P(Forms, AdamTest,
                         ::testing::Values(AdamCase{0, false, 1}, AdamCase{1e-2f, false, 1},
                                           AdamCase{1e-2f, true, 0.5f}));

TEST(Adam, ZeroGradientLeavesParametersUnchanged) {
  float p = 3, g = 0, m = 0, v = 0;
  std::int32_t step = 0;
  const AdamTensor tensor = {&p, &g, &m, &v, 1, &step};
  backend_under_test().optim_step.adam({}, {&tensor, 1, &kLearningRate, 0.9, 0.999, 1e-8f, 0, false});
  EXPECT_EQ(p, 3);
}

TEST(KeepBest, CopiesEveryTensorOfALowerLossAndLeavesTheRest) {
  const float kNan = std::nanf("");
  struct Case {
    float loss;
    bool better;
  };
  for (const Case c : {Case{1.5f, true}, Case{2, false}, Case{3, false}, Case{kNan, false}}) {
    Arrays kept(1), value(50);
    const auto before = kept.narrow;
    std::vector<EmaTensor> tensors;
    for (std::size_t k = 0; k < kCounts.size(); ++k)
      tensors.push_back({kept.narrow[k].data(), value.narrow[k].data(), kCounts[k]});
    float best = 2;
    backend_under_test().optim_step.keep_best({}, {tensors.data(), int(tensors.size()), &c.loss, &best});
    EXPECT_EQ(kept.narrow, c.better ? value.narrow : before) << "loss " << c.loss;
    EXPECT_EQ(best, c.better ? c.loss : 2) << "loss " << c.loss;
  }
}

}  // namespace
}  // namespace engram::kernels
