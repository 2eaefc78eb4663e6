/// Concordance counts against all pairs, and the vector functions of the double-precision kernels.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

#include "kernels/common/error.h"
#include "kernels/common/sigmoid_f64.h"
#include "kernels/concordance/concordance.h"

namespace engram::kernels {
namespace {

/// Random rows, sorted as the kernel wants them.
struct Rows {
  std::vector<double> time, weight, pair, entry;
  std::vector<std::uint8_t> event;
  std::vector<std::int32_t> rank, entry_order;
  std::int32_t num_ranks;

  Rows(dim_t rows, std::int32_t ranks, int times, unsigned seed) : num_ranks(ranks) {
    std::mt19937 rng(seed);
    std::uniform_real_distribution<double> uniform;
    std::vector<std::pair<double, bool>> keys;
    for (dim_t i = 0; i < rows; ++i) {
      keys.emplace_back(times ? double(rng() % unsigned(times)) : uniform(rng), rng() % 3 != 0);
    }
    std::sort(keys.begin(), keys.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second > b.second;
    });
    for (const auto& [t, e] : keys) {
      time.push_back(t);
      event.push_back(e);
      rank.push_back(std::int32_t(rng() % unsigned(ranks)));
      weight.push_back(0.5 + uniform(rng));
      pair.push_back(0.5 + uniform(rng));
      entry.push_back(t - 1e-3 - double(rng() % 4) / 2);
    }
    entry_order.resize(time.size());
    std::iota(entry_order.begin(), entry_order.end(), 0);
    std::stable_sort(entry_order.begin(), entry_order.end(), [&](int a, int b) { return entry[a] > entry[b]; });
  }
};

TEST(ConcordanceCounts, MatchAllPairs) {
  for (dim_t rows : {1, 2, 37, 150}) {
    for (std::int32_t ranks : {1, 5, 63, 64, 65, 700}) {
      for (int times : {0, 1, 12}) {
        for (int options = 0; options < 8; ++options) {
          const Rows data(rows, ranks, times, unsigned(rows + ranks + times));
          const bool weights = options & 1, pairs = options & 2, entry = options & 4;
          SCOPED_TRACE(message(rows, " rows, ", ranks, " ranks, ", times, " times, options ", options));
          std::vector<double> counts(5, 0.), counts2(5, 0.), concordant(rows, NAN), comparable(rows, NAN),
              concordant2(rows, NAN), comparable2(rows, NAN), workspace(std::size_t(concordance_workspace(ranks)), NAN);
          ConcordanceArgs args{.rows = rows,
                               .time = data.time.data(),
                               .event = data.event.data(),
                               .rank = data.rank.data(),
                               .num_ranks = ranks,
                               .weight = weights ? data.weight.data() : nullptr,
                               .pair_weight = pairs ? data.pair.data() : nullptr,
                               .entry = entry ? data.entry.data() : nullptr,
                               .entry_order = entry ? data.entry_order.data() : nullptr,
                               .counts = counts.data(),
                               .row_concordant = concordant.data(),
                               .row_comparable = comparable.data(),
                               .workspace = workspace.data()};
          kCpuConcordance.counts({}, args);
          args.counts = counts2.data();
          args.row_concordant = concordant2.data();
          args.row_comparable = comparable2.data();
          reference::concordance(args);
          // Pairs of events at one time take the pair weight of one of the two, which may differ.
          const int compared = pairs ? 3 : 5;
          for (int k = 0; k < compared; ++k) ASSERT_NEAR(counts[k], counts2[k], 1e-9 * (1 + counts2[k])) << k;
          for (dim_t i = 0; i < rows; ++i) {
            ASSERT_NEAR(concordant[i], concordant2[i], 1e-9 * (1 + concordant2[i])) << i;
            ASSERT_NEAR(comparable[i], comparable2[i], 1e-9 * (1 + comparable2[i])) << i;
          }
        }
      }
    }
  }
}

TEST(ConcordanceCounts, CostGrowsWithTheLogarithmOfRanks) {
  EXPECT_EQ(concordance_cost(1000, 1024).flops, 30000);
}

TEST(VecMathF64, ExpAndLogMatchTheLibrary) {
  std::mt19937_64 rng(1);
  double worst_exp = 0, worst_log = 0;
  for (int round = 0; round < 20000; ++round) {
    double x[8], e[8], l[8];
    for (double& v : x)
      v = (double(rng() >> 11) * 0x1p-53 * 2 - 1) * (round % 3 == 0 ? 700 : round % 3 == 1 ? 2 : 1e-3);
    store8d(e, exp8d(load8d(x)));
    double positive[8];
    for (int k = 0; k < 8; ++k) positive[k] = round % 2 ? std::exp(x[k]) : 1 + std::abs(x[k]) / 700;
    store8d(l, log8d(load8d(positive)));
    for (int k = 0; k < 8; ++k) {
      const double exact_exp = std::exp(x[k]), exact_log = std::log(positive[k]);
      worst_exp = std::max(worst_exp, std::abs(e[k] - exact_exp) / exact_exp);
      if (exact_log != 0) worst_log = std::max(worst_log, std::abs(l[k] - exact_log) / std::abs(exact_log));
    }
  }
  EXPECT_LT(worst_exp, 2.5 * 0x1p-53 * 2);
  EXPECT_LT(worst_log, 2.5 * 0x1p-53 * 2);
}

TEST(VecMathF64, SpecialValues) {
  const double inf = std::numeric_limits<double>::infinity(), nan = std::nan("");
  const double x[8] = {0, -0., 710, -746, inf, -inf, nan, -745};
  double y[8];
  store8d(y, exp8d(load8d(x)));
  EXPECT_EQ(y[0], 1);
  EXPECT_EQ(y[1], 1);
  EXPECT_EQ(y[2], inf);
  EXPECT_EQ(y[3], 0);
  EXPECT_EQ(y[4], inf);
  EXPECT_EQ(y[5], 0);
  EXPECT_TRUE(std::isnan(y[6]));
  EXPECT_EQ(y[7], std::exp(-745.));
  const double v[8] = {1, 0, inf, -1, nan, 0x1p-1022, 1e308, 2};
  store8d(y, log8d(load8d(v)));
  EXPECT_EQ(y[0], 0);
  EXPECT_EQ(y[1], -inf);
  EXPECT_EQ(y[2], inf);
  EXPECT_TRUE(std::isnan(y[3]));
  EXPECT_TRUE(std::isnan(y[4]));
  EXPECT_DOUBLE_EQ(y[5], std::log(0x1p-1022));
  EXPECT_DOUBLE_EQ(y[6], std::log(1e308));
  EXPECT_DOUBLE_EQ(y[7], std::log(2));
}

TEST(VecMathF64, SigmoidKeepsItsDigitsAtBothEnds) {
  const double x[8] = {0, 40, -40, 700, -700, 1, -1e-9, 1e4};
  double p[8], q[8], l[8];
  const Sigmoid s = sigmoid8d(load8d(x));
  store8d(p, s.p);
  store8d(q, s.q);
  store8d(l, s.log1p_exp);
  for (int k = 0; k < 8; ++k) {
    EXPECT_DOUBLE_EQ(p[k], 1 / (1 + std::exp(-x[k]))) << x[k];
    EXPECT_DOUBLE_EQ(q[k], 1 / (1 + std::exp(x[k]))) << x[k];
    const double expected = x[k] > 0 ? x[k] + std::log1p(std::exp(-x[k])) : std::log1p(std::exp(x[k]));
    EXPECT_NEAR(l[k], expected, 4e-16 * (expected + 1e-300) + (x[k] == -40 ? 1e-32 : 0)) << x[k];
  }
}

}  // namespace
}  // namespace engram::kernels
