/// Row cosine: double gradient against central differences of the reference, special operands. Values and gradients:
/// kernel_cases/grad_cosine.cpp.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/grad_cosine/grad_cosine.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::poisoned;
using testing::random_values;
using testing::widen;

struct RowExtents {
  dim_t rows, width;
};
const RowExtents kRowExtents[] = {{1, 2}, {3, 7}, {2, 16}, {5, 33}, {3, 2500}, {2, 9001}, {2, 5000}};

/// sum(v_a grad_a + v_b grad_b): what the double gradient differentiates.
double directional(const std::vector<double>& a, const std::vector<double>& b, const std::vector<double>& g,
                   const std::vector<double>& v_a, const std::vector<double>& v_b, dim_t rows, dim_t width,
                   double eps) {
  std::vector<double> grad_a(a.size()), grad_b(a.size());
  reference::grad_cosine_backward(a.data(), b.data(), g.data(), rows, width, eps, grad_a.data(), grad_b.data());
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += v_a[i] * grad_a[i] + v_b[i] * grad_b[i];
  return sum;
}

TEST(GradCosine, DoubleGradientIsTheDerivativeOfTheGradient) {
  // The large eps clamps the norms of short rows.
  for (const float eps : {1e-8f, 1.5f})
    for (const auto [rows, width] : kRowExtents) {
      const dim_t count = rows * width;
      const auto a = random_values(count, 1), b = random_values(count, 2), g = random_values(rows, 3);
      const auto v_a = random_values(count, 4), v_b = random_values(count, 5);
      auto cos = poisoned(rows), stats = poisoned(rows * kNumCosineStats);
      backend_under_test().grad_cosine.forward({}, {a.data(), b.data(), rows, width, eps, cos.data(), stats.data()});
      const auto wa = widen(a), wb = widen(b), wg = widen(g), wva = widen(v_a), wvb = widen(v_b);
      auto dd_a = poisoned(count), dd_b = poisoned(count), dd_g = poisoned(rows);
      backend_under_test().grad_cosine.double_backward(
          {}, {a.data(), b.data(), stats.data(), g.data(), v_a.data(), v_b.data(), rows, width, eps, dd_a.data(),
               dd_b.data(), dd_g.data()});
      const double h = 1e-6;
      for (dim_t i = 0; i < count; i += 1 + count / 40) {
        for (const bool of_a : {true, false}) {
          auto plus = of_a ? wa : wb, minus = plus;
          plus[i] += h;
          minus[i] -= h;
          const double slope = ((of_a ? directional(plus, wb, wg, wva, wvb, rows, width, eps)
                                      : directional(wa, plus, wg, wva, wvb, rows, width, eps)) -
                                (of_a ? directional(minus, wb, wg, wva, wvb, rows, width, eps)
                                      : directional(wa, minus, wg, wva, wvb, rows, width, eps))) /
                               (2 * h);
          ASSERT_NEAR((of_a ? dd_a : dd_b)[i], slope, 2e-5 * (1 + std::abs(slope)))
              << rows << "x" << width << " eps " << eps << (of_a ? " a" : " b");
        }
      }
      for (dim_t r = 0; r < rows; ++r) {
        std::vector<double> unit(rows, 0.0);
        unit[r] = 1;  // the sum is linear in grad_cos
        ASSERT_NEAR(dd_g[r], directional(wa, wb, unit, wva, wvb, rows, width, eps), 1e-5);
      }
    }
}

TEST(GradCosine, NullDirectionsCountAsZero) {
  const dim_t rows = 2, width = 19;
  const auto a = random_values(38, 1), b = random_values(38, 2), g = random_values(2, 3), v = random_values(38, 4);
  const std::vector<float> zero(38, 0.f);
  auto cos = poisoned(2), stats = poisoned(6);
  backend_under_test().grad_cosine.forward({}, {a.data(), b.data(), rows, width, 1e-8f, cos.data(), stats.data()});
  const auto run = [&](const float* v_a, const float* v_b) {
    auto out = poisoned(38 + 2);
    backend_under_test().grad_cosine.double_backward({}, {a.data(), b.data(), stats.data(), g.data(), v_a, v_b, rows,
                                                          width, 1e-8f, out.data(), nullptr, out.data() + 38});
    return out;
  };
  EXPECT_EQ(run(v.data(), nullptr), run(v.data(), zero.data()));
  EXPECT_EQ(run(nullptr, v.data()), run(zero.data(), v.data()));
}

TEST(GradCosine, ZeroRowsAreFinite) {
  const std::vector<float> a(8, 0.f), b = random_values(8, 1), g = {1};
  float cos, stats[3];
  backend_under_test().grad_cosine.forward({}, {a.data(), b.data(), 1, 8, 1e-8f, &cos, stats});
  EXPECT_EQ(cos, 0);
  auto grad_a = poisoned(8), grad_b = poisoned(8);
  backend_under_test().grad_cosine.backward(
      {}, {a.data(), b.data(), stats, g.data(), 1, 8, 1e-8f, grad_a.data(), grad_b.data()});
  for (int i = 0; i < 8; ++i) {
    EXPECT_TRUE(std::isfinite(grad_a[i]));
    EXPECT_EQ(grad_b[i], 0);
  }
}

}  // namespace
}  // namespace engram::kernels
