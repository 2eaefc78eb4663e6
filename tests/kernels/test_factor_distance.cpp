/// Distance of normalised rows that are special. Values and gradients: kernel_cases/factor_distance.cpp.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/factor_distance/factor_distance.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::poisoned;
using testing::random_values;

struct DistanceOutcome {
  std::vector<float> loss, gradient;
};

DistanceOutcome distance(const std::vector<float>& a, const std::vector<float>& b, dim_t rows, dim_t width, int p,
                         float eps, float grad) {
  const auto& kernels = backend_under_test().factor_distance;
  std::vector<double> workspace(kernels.workspace_bytes(rows) / sizeof(double) + 1);
  auto loss = poisoned(1), stats = poisoned(rows * kNumFactorStats), gradient = poisoned(rows * width);
  kernels.forward({}, {a.data(), b.data(), rows, width, p, eps, stats.data(), loss.data(), workspace.data()});
  kernels.backward({}, {a.data(), b.data(), stats.data(), loss.data(), &grad, rows, width, p, eps, gradient.data()});
  return {loss, gradient};
}

TEST(FactorDistance, EqualRowsHaveDistanceAndGradientZero) {
  for (const dim_t width : {7, 2048, 16400}) {
    const auto a = random_values(3 * width, 3);
    for (const int p : {1, 2}) {
      const DistanceOutcome got = distance(a, a, 3, width, p, 1e-12f, 1);
      EXPECT_EQ(got.loss[0], 0);
      for (const float g : got.gradient) ASSERT_EQ(g, 0);
    }
  }
}

TEST(FactorDistance, ZeroRowsAreFiniteAndNaNStays) {
  const std::vector<float> zero(8, 0.f), b = random_values(8, 1);
  for (const int p : {1, 2}) {
    EXPECT_TRUE(std::isfinite(distance(zero, b, 1, 8, p, 1e-12f, 1).loss[0]));
    EXPECT_TRUE(std::isfinite(distance(b, zero, 1, 8, p, 1e-12f, 1).loss[0]));
    auto broken = b;
    broken[3] = NAN;
    EXPECT_TRUE(std::isnan(distance(broken, b, 1, 8, p, 1e-12f, 1).loss[0]));
  }
}

}  // namespace
}  // namespace engram::kernels
