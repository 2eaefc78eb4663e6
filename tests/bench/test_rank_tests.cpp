#include <gtest/gtest.h>

#include <cmath>
#include <random>

#include "bench/engram_bench/rank_tests.h"

namespace engram::bench {
namespace {

TEST(RankTests, SignsHaveTheirExactProbabilities) {
  // All five differences on one side: 2 of 2^5 orders are as far out.
  EXPECT_DOUBLE_EQ(paired_shift(std::vector<double>{1, 2, 3, 4, 5}, 0.9).p, 2.0 / 32);
  // One on the other side, or none: 1 + 5 of 2^5, on either side.
  EXPECT_DOUBLE_EQ(paired_shift(std::vector<double>{-9, 2, 3, 4, 5}, 0.9).p, 12.0 / 32);
  EXPECT_EQ(paired_shift(std::vector<double>{-1, 1}, 0.5).p, 1);
  // A difference of 0 speaks for neither side.
  EXPECT_DOUBLE_EQ(paired_shift(std::vector<double>{0, 1, 2, 3, 4, 5}, 0.9).p, 2.0 / 32);
  EXPECT_EQ(paired_shift(std::vector<double>{0, 0, 0}, 0.9).p, 1);
  EXPECT_EQ(paired_shift({}, 0.9).p, 1);
  // The second smallest and largest of nine: P(at most 1 of 9 below) = 10 / 512, of 2 it is 46 / 512.
  const RankEstimate nine = paired_shift(std::vector<double>{5, 1, 9, 3, 7, 2, 8, 4, 6}, 0.95);
  EXPECT_EQ(nine.estimate, 5);
  EXPECT_EQ(nine.low, 2);
  EXPECT_EQ(nine.high, 8);
}

TEST(RankTests, RankSumsHaveTheirExactProbabilities) {
  const std::vector<double> low = {1, 2, 3}, high = {4, 5, 6};
  EXPECT_DOUBLE_EQ(unpaired_shift(low, high, 0.9).p, 2.0 / 20);
  EXPECT_DOUBLE_EQ(unpaired_shift(high, low, 0.9).p, 2.0 / 20);
  EXPECT_DOUBLE_EQ(unpaired_shift(low, high, 0.9).estimate, 3);
  EXPECT_EQ(unpaired_shift(low, low, 0.9).p, 1);
}

TEST(RankTests, LargeSamplesFollowTheNormalLawWithContinuity) {
  std::vector<double> a, b;
  for (int i = 0; i < 50; ++i) a.push_back(i), b.push_back(i + 10.5);
  // Pairs with b above a, ties none: U = 1 + ... by hand: sum over i of min(50, i + 11) = 1720; mean 1250, variance
  // 50 * 50 * 101 / 12.
  const double z = (1720 - 1250 - 0.5) / std::sqrt(2500.0 * 101 / 12);
  EXPECT_NEAR(unpaired_shift(a, b, 0.95).p, std::erfc(z / std::sqrt(2.0)), 1e-12);
  EXPECT_DOUBLE_EQ(unpaired_shift(a, b, 0.95).estimate, 10.5);
}

TEST(RankTests, IntervalsCoverTheTruthAsOftenAsTheySay) {
  std::mt19937_64 random(3);
  std::normal_distribution<double> normal;
  int paired = 0, unpaired = 0;
  constexpr int kRuns = 2000;
  for (int run = 0; run < kRuns; ++run) {
    std::vector<double> d(13), a(9), b(9);
    for (double& x : d) x = 0.3 + normal(random);
    for (double& x : a) x = normal(random);
    for (double& x : b) x = 0.3 + normal(random);
    const RankEstimate p = paired_shift(d, 0.9), u = unpaired_shift(a, b, 0.9);
    paired += p.low <= 0.3 && 0.3 <= p.high;
    unpaired += u.low <= 0.3 && 0.3 <= u.high;
  }
  // At least what they say (the laws are discrete), within three deviations of the simulation, and not always.
  EXPECT_GE(paired, 0.88 * kRuns);
  EXPECT_LE(paired, 0.94 * kRuns);
  EXPECT_GE(unpaired, 0.88 * kRuns);
  EXPECT_LE(unpaired, 0.94 * kRuns);
}

TEST(RankTests, HolmTakesTheSmallestTimesTheNumberOfTests) {
  const std::vector<double> p = holm({0.04, 0.01, 0.03});
  EXPECT_DOUBLE_EQ(p[1], 0.03);
  EXPECT_DOUBLE_EQ(p[2], 0.06);
  EXPECT_DOUBLE_EQ(p[0], 0.06);  // never below a smaller one's
  EXPECT_EQ(holm({0.9, 0.8})[1], 1);
  EXPECT_TRUE(holm({}).empty());
}

TEST(RankTests, AsManyPairsAsTheSmallestProbabilityNeeds) {
  EXPECT_EQ(pairs_needed(1, 0.05), 6);    // 2 / 64
  EXPECT_EQ(pairs_needed(10, 0.02), 10);  // 10 * 2 / 1024
  EXPECT_EQ(pairs_needed(0, 0.5), 2);
}

}  // namespace
}  // namespace engram::bench
