/// Depthwise convolutions against the double-precision reference in planar, 16-blocked and channels-last order.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/backend.h"
#include "kernels/depthwise_conv/depthwise_conv.h"
#include "tests/support/activation_testing.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using ::engram::testing::at_schedules;
using ::engram::testing::from_block;
using ::engram::testing::poisoned;
using ::engram::testing::random_values;
using ::engram::testing::to_block;
using testing::widen;

/// Windows that tile, overlap, leave pixels out, and are larger than the image; runs of pixels that end inside.
std::vector<DepthwiseGeometry> geometries() {
  std::vector<DepthwiseGeometry> all;
  for (const dim_t block : {1, 16, 48}) {
    const dim_t c = 48;
    all.push_back({{2, c, 6, 6, block}, 3, 3, 1, 1, 1, 1});
    all.push_back({{1, c, 7, 19, block}, 3, 3, 2, 2, 1, 1});
    all.push_back({{3, c, 5, 4, block}, 3, 2, 1, 1, 2, 0});
    all.push_back({{1, c, 8, 11, block}, 2, 5, 3, 2, 0, 1});
    all.push_back({{1, c, 1, 1, block}, 3, 3, 1, 1, 1, 1});
    all.push_back({{2, c, 5, 5, block}, 5, 5, 2, 2, 2, 2});
    all.push_back({{1, c, 4, 4, block}, 1, 1, 2, 2, 0, 0});
  }
  all.push_back({{17, 3, 9, 13, 1}, 3, 3, 1, 1, 1, 1});
  all.push_back({{2, 6, 9, 13, 6}, 3, 3, 2, 1, 1, 0});
  return all;
}

void expect_near(const std::vector<float>& found, const std::vector<double>& expected, double tolerance) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) ASSERT_NEAR(found[i], expected[i], tolerance) << i;
}

/// Tolerance of sums of `terms` products of values within 1.
double tolerance(dim_t terms) {
  return 1e-6 * std::sqrt(double(terms));
}

std::vector<float> weight_gradient(const DepthwiseGeometry& g, const std::vector<float>& x,
                                   const std::vector<float>& gy) {
  const auto& kernels = backend_under_test().depthwise_conv;
  auto gw = poisoned(g.weight_count());
  std::vector<double> workspace(kernels.workspace_bytes(g) / sizeof(double) + 1);
  kernels.weight_gradient({}, {g, x.data(), gy.data(), gw.data(), workspace.data()});
  return gw;
}

TEST(DepthwiseConv, ForwardMatchesReference) {
  for (const DepthwiseGeometry& g : geometries()) {
    const auto x = random_values(g.x.count(), 1), w = random_values(g.weight_count(), 2), b = random_values(g.x.c, 3);
    for (const bool with_bias : {false, true}) {
      std::vector<double> expected(g.y().count());
      reference::depthwise_forward(g, widen(x).data(), widen(w).data(), with_bias ? widen(b).data() : nullptr,
                                   expected.data());
      auto y = poisoned(g.y().count());
      const auto blocked = to_block(g.x, x);
      backend_under_test().depthwise_conv.forward(
          {}, {g, blocked.data(), w.data(), with_bias ? b.data() : nullptr, with_bias, y.data()});
      if (with_bias)
        for (double& v : expected) v = std::max(0.0, v);
      expect_near(from_block(g.y(), y), expected, tolerance(g.taps() + 1));
    }
  }
}

TEST(DepthwiseConv, GradientsMatchReference) {
  for (const DepthwiseGeometry& g : geometries()) {
    const auto x = random_values(g.x.count(), 1), w = random_values(g.weight_count(), 2);
    const auto gy = random_values(g.y().count(), 3);
    std::vector<double> expected_x(x.size()), expected_w(w.size());
    reference::depthwise_data_gradient(g, widen(gy).data(), widen(w).data(), expected_x.data());
    reference::depthwise_weight_gradient(g, widen(x).data(), widen(gy).data(), expected_w.data());

    const auto blocked_x = to_block(g.x, x), blocked_gy = to_block(g.y(), gy);
    auto gx = poisoned(g.x.count());
    backend_under_test().depthwise_conv.data_gradient({}, {g, blocked_gy.data(), w.data(), gx.data()});
    expect_near(from_block(g.x, gx), expected_x, tolerance(g.taps()));
    expect_near(weight_gradient(g, blocked_x, blocked_gy), expected_w, tolerance(g.x.n * g.out_h() * g.out_w()));
  }
}

TEST(DepthwiseConv, BitsDoNotDependOnThreads) {
  const DepthwiseGeometry g{{9, 48, 17, 13, 16}, 3, 3, 2, 2, 1, 1};
  const auto x = random_values(g.x.count(), 8), w = random_values(g.weight_count(), 9);
  const auto results = at_schedules([&] {
    auto y = poisoned(g.y().count()), gx = poisoned(g.x.count());
    backend_under_test().depthwise_conv.forward({}, {g, x.data(), w.data(), nullptr, false, y.data()});
    backend_under_test().depthwise_conv.data_gradient({}, {g, y.data(), w.data(), gx.data()});
    const auto gw = weight_gradient(g, x, y);
    y.insert(y.end(), gx.begin(), gx.end());
    y.insert(y.end(), gw.begin(), gw.end());
    return y;
  });
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

}  // namespace
}  // namespace engram::kernels
