/// Distance of normalised rows and its gradient against the double-precision reference.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/factor_distance/factor_distance.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::at_schedules;
using testing::poisoned;
using testing::random_values;
using testing::widen;

struct FactorExtents {
  dim_t rows, width;
};
// The widths reach every way in which a row is kept, and one that is read twice.
const FactorExtents kFactorExtents[] = {{1, 1},    {3, 7},    {2, 16},   {70, 33},  {2, 1024},
                                        {3, 2047}, {2, 2048}, {2, 9001}, {1, 16396}};

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

TEST(FactorDistance, ValueAndGradientMatchReference) {
  for (const int p : {1, 2})
    for (const float eps : {1e-12f, 1.5f})  // the large one holds short rows' denominators
      for (const auto [rows, width] : kFactorExtents) {
        const auto a = random_values(rows * width, 1, -1, 2), b = random_values(rows * width, 2, -1, 2);
        const DistanceOutcome got = distance(a, b, rows, width, p, eps, 1.7f);
        const auto wide_a = widen(a), wide_b = widen(b);
        std::vector<double> gradient(std::size_t(rows * width));
        const double loss = reference::factor_distance(wide_a.data(), wide_b.data(), rows, width, p, eps);
        reference::factor_distance_backward(wide_a.data(), wide_b.data(), double(1.7f), rows, width, p, eps,
                                            gradient.data());
        // Normalised values are at most 1: each is a unit in the last place (1.2e-7) off at most.
        EXPECT_NEAR(got.loss[0], loss, 2e-6 * loss + 2.4e-7) << rows << "x" << width << " p " << p;
        double largest = 0;
        for (const double g : gradient) largest = std::max(largest, std::abs(g));
        for (dim_t i = 0; i < rows * width; ++i)
          ASSERT_NEAR(got.gradient[i], gradient[i], 5e-6 * largest + 1e-6) << rows << "x" << width << " p " << p;
      }
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

TEST(FactorDistance, BitsDoNotDependOnThreadCount) {
  const dim_t rows = 67, width = 1027;
  const auto a = random_values(rows * width, 1), b = random_values(rows * width, 2);
  for (const int p : {1, 2}) {
    const auto results = at_schedules([&] {
      DistanceOutcome got = distance(a, b, rows, width, p, 1e-12f, 1);
      got.gradient.push_back(got.loss[0]);
      return got.gradient;
    });
    EXPECT_EQ(results[0], results[1]);
    EXPECT_EQ(results[0], results[2]);
  }
}

}  // namespace
}  // namespace engram::kernels
