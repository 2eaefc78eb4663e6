/// Optimiser steps of special values. Steps against the reference: kernel_cases/optim_step.cpp.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/optim_step/optim_step.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::random_values;

const float kLearningRate = 0.1f;

/// Sizes below, at and above the vector and chunk sizes; an empty tensor too.
const std::vector<dim_t> kCounts = {1, 17, 0, 16384, 5, 40000, 333};

std::vector<std::vector<float>> random_tensors(unsigned seed) {
  std::vector<std::vector<float>> tensors;
  for (const dim_t count : kCounts) tensors.push_back(random_values(count, seed++));
  return tensors;
}

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
    auto kept = random_tensors(1);
    const auto value = random_tensors(50), before = kept;
    std::vector<EmaTensor> tensors;
    for (std::size_t k = 0; k < kCounts.size(); ++k) tensors.push_back({kept[k].data(), value[k].data(), kCounts[k]});
    float best = 2;
    backend_under_test().optim_step.keep_best({}, {tensors.data(), int(tensors.size()), &c.loss, &best});
    EXPECT_EQ(kept, c.better ? value : before) << "loss " << c.loss;
    EXPECT_EQ(best, c.better ? c.loss : 2) << "loss " << c.loss;
  }
}

}  // namespace
}  // namespace engram::kernels
