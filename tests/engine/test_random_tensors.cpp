/// Generators: what a seed fixes, how fills take words, streams that do not overlap.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/layout.h"
#include "engine/random.h"

namespace engram {
namespace {

TEST(GeneratorTest, SameSeedSameValues) {
  Generator a(5), b(5), c(6);
  const auto x = normal({3, 7}, a).to_vector();
  EXPECT_EQ(x, normal({3, 7}, b).to_vector());
  EXPECT_NE(x, normal({3, 7}, c).to_vector());
  EXPECT_NE(x, normal({3, 7}, a).to_vector());
}

TEST(GeneratorTest, ContinuesFromItsOffset) {
  Generator a(5);
  uniform({13}, a);
  EXPECT_EQ(a.offset(), 16u);
  Generator b(5, a.offset());
  EXPECT_EQ(uniform({9}, a).to_vector(), uniform({9}, b).to_vector());
}

TEST(GeneratorTest, SplitStreamsAreUnrelatedAndFixed) {
  const Generator base(5);
  Generator first = base.split(0), second = base.split(1), again = base.split(0);
  const auto x = uniform({1000}, first).to_vector(), y = uniform({1000}, second).to_vector();
  EXPECT_EQ(x, uniform({1000}, again).to_vector());
  EXPECT_EQ(base.offset(), 0u);
  double correlation = 0;
  for (int i = 0; i < 1000; ++i) correlation += 12 * (x[i] - 0.5) * (y[i] - 0.5) / 1000;
  EXPECT_NEAR(correlation, 0, 0.13);
}

TEST(GeneratorTest, HostDrawsStayInRange) {
  Generator g(7);
  int seen[5] = {};
  for (int i = 0; i < 500; ++i) {
    const std::int32_t k = g.integer(-2, 3);
    ASSERT_GE(k, -2);
    ASSERT_LT(k, 3);
    ++seen[k + 2];
    const float u = g.number(2, 4);
    ASSERT_GE(u, 2);
    ASSERT_LT(u, 4);
  }
  for (int times : seen) EXPECT_NEAR(times, 100, 45);
  EXPECT_EQ(g.permutation(10).size(), 10u);
  EXPECT_THROW(g.integer(3, 3), UsageError);
}

TEST(RandomTensors, RangesAndRates) {
  Generator g(9);
  for (float v : random_integers({1000}, g, 10, 13).to_vector()) EXPECT_TRUE(v >= 10 && v < 13);
  double kept = 0;
  for (float v : bernoulli({10000}, g, 0.3, 2.f).to_vector()) {
    EXPECT_TRUE(v == 0 || v == 2);
    kept += v / 2;
  }
  EXPECT_NEAR(kept / 10000, 0.3, 0.02);
  EXPECT_EQ(bernoulli({100}, g, 1).to_vector(), std::vector<float>(100, 1.f));
  EXPECT_EQ(bernoulli({100}, g, 0).to_vector(), std::vector<float>(100, 0.f));
  EXPECT_THROW(bernoulli({1}, g, 1.5), UsageError);
  EXPECT_THROW(random_integers({1}, g, 2, 2), UsageError);
  const Tensor view = transpose(Tensor::zeros({2, 3}), 0, 1);
  EXPECT_THROW(fill_normal(view, g, 0, 1), ShapeError);
}

}  // namespace
}  // namespace engram
