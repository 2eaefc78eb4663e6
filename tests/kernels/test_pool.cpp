/// Pooling against the double-precision reference in planar, 16-blocked and channels-last order.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/pool/pool.h"
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

std::vector<PoolGeometry> pool_geometries() {
  std::vector<PoolGeometry> all;
  for (dim_t block : {1, 16, 48}) {
    const dim_t c = 48;
    all.push_back({{2, c, 6, 6, block}, 2, 2, 2, 2, 0, 0});
    all.push_back({{1, c, 7, 9, block}, 3, 3, 2, 2, 1, 1});
    all.push_back({{3, c, 5, 4, block}, 3, 2, 1, 1, 1, 0});
    all.push_back({{1, c, 8, 11, block}, 2, 3, 3, 2, 0, 1});
    all.push_back({{1, c, 1, 1, block}, 1, 1, 1, 1, 0, 0});
    all.push_back({{9, c, 17, 13, block}, 3, 3, 2, 2, 1, 1});
  }
  return all;
}

TEST(Pool, MaximumAndPositionMatchReference) {
  for (const PoolGeometry& g : pool_geometries()) {
    auto x = random_values(g.x.count(), 1);
    for (float& v : x) v = std::round(v * 4);  // ties
    x[x.size() / 2] = std::numeric_limits<float>::quiet_NaN();
    std::vector<double> expected(g.y().count());
    std::vector<std::int32_t> expected_index(expected.size());
    reference::max_pool(g, widen(x).data(), expected.data(), expected_index.data());

    const auto blocked = to_block(g.x, x);
    auto y = poisoned(g.y().count());
    std::vector<std::int32_t> index(y.size(), -1);
    backend_under_test().pool.max_pool({}, {g, blocked.data(), y.data(), index.data()});
    const auto planar = from_block(g.y(), y);
    EXPECT_EQ(from_block(g.y(), index), expected_index);
    for (std::size_t i = 0; i < y.size(); ++i) {
      if (std::isnan(expected[i])) {
        ASSERT_TRUE(std::isnan(planar[i]));
      } else {
        ASSERT_EQ(planar[i], expected[i]);
      }
    }
    auto again = poisoned(g.y().count());
    backend_under_test().pool.max_pool({}, {g, blocked.data(), again.data(), nullptr});
    for (std::size_t i = 0; i < y.size(); ++i) ASSERT_TRUE(again[i] == y[i] || std::isnan(y[i]));
  }
}

TEST(Pool, MaximumBackwardScattersAndGatherIsItsAdjoint) {
  for (const PoolGeometry& g : pool_geometries()) {
    const auto x = random_values(g.x.count(), 2), dy = random_values(g.y().count(), 3);
    auto y = poisoned(g.y().count()), dx = poisoned(g.x.count()), picked = poisoned(g.y().count());
    std::vector<std::int32_t> index(y.size(), -1);
    backend_under_test().pool.max_pool({}, {g, x.data(), y.data(), index.data()});
    backend_under_test().pool.max_pool_backward({}, {g, dy.data(), index.data(), dx.data()});
    std::vector<double> expected(x.size());
    reference::max_pool_backward(g, widen(from_block(g.y(), dy)).data(), from_block(g.y(), index).data(),
                                 expected.data());
    const auto planar = from_block(g.x, dx);
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(planar[i], expected[i], 1e-6);

    backend_under_test().pool.gather({}, {g, x.data(), index.data(), picked.data()});
    EXPECT_EQ(picked, y);
  }
}

TEST(Pool, AverageAndItsAdjointMatchReference) {
  for (const PoolGeometry& g : pool_geometries()) {
    for (bool count_padding : {true, false}) {
      const auto x = random_values(g.x.count(), 4), dy = random_values(g.y().count(), 5);
      auto y = poisoned(g.y().count()), dx = poisoned(g.x.count());
      backend_under_test().pool.avg_pool({}, {g, x.data(), y.data(), count_padding});
      backend_under_test().pool.avg_pool_backward({}, {g, dy.data(), dx.data(), count_padding});
      std::vector<double> expected(y.size()), expected_dx(x.size());
      reference::avg_pool(g, count_padding, widen(from_block(g.x, x)).data(), expected.data());
      reference::avg_pool_backward(g, count_padding, widen(from_block(g.y(), dy)).data(), expected_dx.data());
      const auto planar = from_block(g.y(), y), planar_dx = from_block(g.x, dx);
      for (std::size_t i = 0; i < y.size(); ++i) ASSERT_NEAR(planar[i], expected[i], 1e-6);
      for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(planar_dx[i], expected_dx[i], 2e-6);
    }
  }
}

TEST(Pool, GlobalAverageAndItsAdjoint) {
  for (const PoolGeometry& g : pool_geometries()) {
    const ActivationShape& s = g.x;
    const auto planar = random_values(s.count(), 6), dy = random_values(s.n * s.c, 7);
    const auto x = to_block(s, planar);
    auto y = poisoned(s.n * s.c), dx = poisoned(s.count());
    backend_under_test().pool.global_avg_pool({}, {s, x.data(), y.data()});
    backend_under_test().pool.global_avg_pool_backward({}, {s, dy.data(), dx.data()});
    const auto planar_dx = from_block(s, dx);
    for (dim_t i = 0; i < s.n * s.c; ++i) {
      double sum = 0;
      for (dim_t p = 0; p < s.pixels(); ++p) {
        sum += planar[i * s.pixels() + p];
        ASSERT_NEAR(planar_dx[i * s.pixels() + p], double(dy[i]) / double(s.pixels()), 1e-7);
      }
      ASSERT_NEAR(y[i], sum / double(s.pixels()), 1e-6);
    }
  }
}

TEST(Pool, BitsDoNotDependOnThreads) {
  const PoolGeometry g{{9, 48, 17, 13, 16}, 3, 3, 2, 2, 1, 1};
  const auto x = random_values(g.x.count(), 8);
  const auto results = at_schedules([&] {
    auto y = poisoned(g.y().count()), dx = poisoned(g.x.count()), mean = poisoned(g.x.n * g.x.c);
    std::vector<std::int32_t> index(y.size());
    backend_under_test().pool.max_pool({}, {g, x.data(), y.data(), index.data()});
    backend_under_test().pool.max_pool_backward({}, {g, y.data(), index.data(), dx.data()});
    backend_under_test().pool.global_avg_pool({}, {g.x, dx.data(), mean.data()});
    backend_under_test().pool.avg_pool_backward({}, {g, y.data(), dx.data(), true});
    y.insert(y.end(), dx.begin(), dx.end());
    y.insert(y.end(), mean.begin(), mean.end());
    return y;
  });
  EXPECT_EQ(results[0], results[1]);
  EXPECT_EQ(results[0], results[2]);
}

}  // namespace
}  // namespace engram::kernels
