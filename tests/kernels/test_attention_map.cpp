/// Attention maps and their gradient against the double-precision reference, in every layout.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/attention_map/attention_map.h"
#include "tests/support/activation_testing.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::at_schedules;
using testing::poisoned;
using testing::random_values;
using testing::widen;

// Whole packs and odd ones, several slices of channels, planes of one position, a map that does not fit shared memory.
const ActivationShape kShapes[] = {{2, 3, 5, 7, 1},   {3, 16, 8, 8, 1},    {2, 5, 1, 1, 1},  {1, 2, 70, 67, 1},
                                   {2, 16, 6, 5, 16}, {2, 16, 68, 64, 16}, {2, 7, 4, 3, 7},  {1, 36, 3, 3, 36},
                                   {2, 4, 32, 36, 1}, {1, 160, 2, 3, 160}, {1, 3, 40, 40, 3}};

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

TEST(AttentionMap, ValueAndGradientMatchReference) {
  for (const ActivationShape& shape : kShapes)
    for (const int power : {1, 2, 3})
      for (const float eps : {1e-12f, 40.f}) {  // the large one holds the denominator
        auto planar = random_values(shape.count(), 1, -1, 2);
        planar[0] = 0;
        const auto grad_map = random_values(shape.n * shape.pixels(), 2);
        const Outcome got = attention(shape, testing::to_block(shape, planar), grad_map, power, eps);
        const auto wide = widen(planar), wide_grad = widen(grad_map);
        std::vector<double> map(grad_map.size()), gradient(planar.size());
        reference::attention_map(shape, wide.data(), power, eps, map.data());
        reference::attention_map_backward(shape, wide.data(), wide_grad.data(), power, eps, gradient.data());
        double largest = 0;
        for (const double g : gradient) largest = std::max(largest, std::abs(g));
        for (std::size_t i = 0; i < map.size(); ++i) ASSERT_NEAR(got.map[i], map[i], 1e-6) << shape.c << " " << power;
        const auto planar_gradient = testing::from_block(shape, got.gradient);
        for (std::size_t i = 0; i < gradient.size(); ++i)
          ASSERT_NEAR(planar_gradient[i], gradient[i], 4e-6 * largest + 1e-7)
              << shape.c << "x" << shape.h << " " << power;
      }
}

TEST(AttentionMap, EmptyImagesAreFiniteAndNaNStays) {
  const ActivationShape shape = {1, 4, 3, 3, 1};
  std::vector<float> x(36, 0.f);
  const std::vector<float> g(9, 1.f);
  for (const float v : attention(shape, x, g, 2, 1e-12f).map) EXPECT_EQ(v, 0);
  x[5] = NAN;
  for (const float v : attention(shape, x, g, 2, 1e-12f).map) EXPECT_TRUE(std::isnan(v));
}

TEST(AttentionMap, BitsDoNotDependOnThreadCount) {
  for (const ActivationShape& shape : {ActivationShape{19, 32, 9, 7, 1}, ActivationShape{19, 16, 9, 7, 16}}) {
    const auto x = random_values(shape.count(), 1), g = random_values(shape.n * shape.pixels(), 2);
    const auto results = at_schedules([&] {
      Outcome got = attention(shape, x, g, 2, 1e-12f);
      got.map.insert(got.map.end(), got.gradient.begin(), got.gradient.end());
      return got.map;
    });
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
  }
}

}  // namespace
}  // namespace engram::kernels
