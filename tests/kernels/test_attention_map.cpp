/// Attention maps of special values. Values and gradients: kernel_cases/attention_map.cpp.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/attention_map/attention_map.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::poisoned;

struct Outcome {
  std::vector<float> map, gradient;
};

Outcome attention(const ActivationShape& shape, const std::vector<float>& x, const std::vector<float>& grad_map,
                  int power, float eps) {
  const auto& kernels = backend_under_test().attention_map;
  auto map = poisoned(shape.n * shape.pixels()), norm = poisoned(shape.n), gradient = poisoned(shape.count());
  kernels.forward({}, {shape, x.data(), power, eps, map.data(), norm.data()});
  kernels.backward({}, {shape, x.data(), map.data(), norm.data(), grad_map.data(), power, eps, gradient.data()});
  return {map, gradient};
}

TEST(AttentionMap, EmptyImagesAreFiniteAndNaNStays) {
  const ActivationShape shape = {1, 4, 3, 3, 1};
  std::vector<float> x(36, 0.f);
  const std::vector<float> g(9, 1.f);
  for (const float v : attention(shape, x, g, 2, 1e-12f).map) EXPECT_EQ(v, 0);
  x[5] = NAN;
  for (const float v : attention(shape, x, g, 2, 1e-12f).map) EXPECT_TRUE(std::isnan(v));
}

}  // namespace
}  // namespace engram::kernels
