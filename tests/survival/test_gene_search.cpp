/// Searches over gene sets: budgets, determinism, and the optimum that an exhaustive search finds.

#include <gtest/gtest.h>
#include <omp.h>

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "kernels/common/error.h"
#include "models/genes/search/climb.h"
#include "models/genes/search/qbso.h"
#include "models/genes/search/search.h"
#include "models/genes/search/search_random.h"
#include "tests/support/expect_error.h"

namespace engram::genes {
namespace {

/// A rugged landscape: single values, rewards and punishments of pairs, a price a gene.
class PairLandscape : public SubsetObjective {
 public:
  PairLandscape(int genes, std::uint64_t seed) : genes_(genes), single_(std::size_t(genes)) {
    SearchRandom random(seed);
    for (double& value : single_) value = random.uniform() - 0.6;
    pair_.assign(std::size_t(genes), std::vector<double>(std::size_t(genes)));
    for (int i = 0; i < genes; ++i)
      for (int j = 0; j < i; ++j) pair_[std::size_t(i)][std::size_t(j)] = 0.6 * (random.uniform() - 0.5);
  }

  int num_genes() const override { return genes_; }

  SubsetFit fit(const GeneSet& set, const SubsetFit*, const GeneSet&) const override {
    const std::lock_guard lock(mutex_);
    ++seen_[set.word(0)];
    return {value(set), {1}};
  }

  double value(const GeneSet& set) const {
    double sum = 0;
    const std::vector<int> members = set.members();
    for (std::size_t a = 0; a < members.size(); ++a) {
      sum += single_[std::size_t(members[a])];
      for (std::size_t b = 0; b < a; ++b) sum += pair_[std::size_t(members[a])][std::size_t(members[b])];
    }
    return sum;
  }

  double exhaustive_maximum() const {
    double best = -1e9;
    for (std::uint64_t bits = 1; bits < std::uint64_t{1} << genes_; ++bits) {
      GeneSet set;
      for (int gene = 0; gene < genes_; ++gene)
        if (bits >> gene & 1) set.insert(gene);
      best = std::max(best, value(set));
    }
    return best;
  }

  /// How often each set was really evaluated.
  const std::map<std::uint64_t, int>& seen() const { return seen_; }

 private:
  int genes_;
  std::vector<double> single_;
  std::vector<std::vector<double>> pair_;
  mutable std::mutex mutex_;
  mutable std::map<std::uint64_t, int> seen_;
};

SearchRequest request(const std::string& method, const SubsetObjective& objective, std::uint64_t seed = 1) {
  SearchRequest r;
  r.method = method;
  r.seed = seed;
  r.filter_scores.assign(std::size_t(objective.num_genes()), 1.0);
  return r;
}

TEST(GeneSet, HoldsGenesOfBothWords) {
  GeneSet set{3, 64, 127};
  EXPECT_EQ(set.members(), (std::vector<int>{3, 64, 127}));
  EXPECT_EQ(set.size(), 3);
  set.flip(64);
  set.erase(5);
  EXPECT_FALSE(set.contains(64));
  EXPECT_EQ(set, (GeneSet{127, 3}));
  EXPECT_EQ(set.distance(GeneSet{3, 70, 100}), 3);
  EXPECT_NE(GeneSetHash()(GeneSet{0}), GeneSetHash()(GeneSet{64}));
  EXPECT_TRUE(GeneSet().empty());
}

TEST(SubsetEvaluator, CountsEverySetOnceAndStopsAtTheBudget) {
  const PairLandscape landscape(10, 3);
  SubsetEvaluator evaluator(landscape, 4);
  const std::vector<GeneSet> sets = {{1}, {2}, {1}, {}, {3}};
  const std::vector<double> values = evaluator.evaluate(sets, {});
  EXPECT_EQ(evaluator.evaluations(), 3);
  EXPECT_EQ(values[0], landscape.value({1}));
  EXPECT_EQ(values[2], values[0]);
  EXPECT_EQ(values[3], 0);
  EXPECT_FALSE(evaluator.done());
  const std::vector<double> last = evaluator.evaluate(std::vector<GeneSet>{{2}, {4}, {5}}, {});
  EXPECT_EQ(last[0], values[1]);
  EXPECT_EQ(last[1], landscape.value({4}));
  EXPECT_EQ(last[2], SubsetEvaluator::kNotEvaluated);
  EXPECT_TRUE(evaluator.done());
  for (const auto& [set, times] : landscape.seen()) EXPECT_EQ(times, 1) << set;
  EXPECT_GE(evaluator.best_fitness(), *std::max_element(values.begin(), values.begin() + 3));
  EXPECT_EQ(evaluator.best_fitness(), landscape.value(evaluator.best()));
}

TEST(SubsetEvaluator, RefusesWhatItCannotHold) {
  const PairLandscape landscape(3, 3), large(129, 3), none(0, 3);
  EXPECT_ERROR(SubsetEvaluator(large, 10), UsageError, "got 129");
  EXPECT_ERROR(SubsetEvaluator(none, 10), UsageError, "got 0");
  EXPECT_ERROR(SearchRandom(1).below(0), UsageError, "at least 1 thing to draw from, got 0");
  EXPECT_ERROR(SubsetEvaluator(landscape, 0), UsageError, "at least 1 evaluation");
}

class EverySearch : public ::testing::TestWithParam<std::string> {};

TEST_P(EverySearch, UsesItsBudgetAndNoMore) {
  const PairLandscape landscape(60, 5);
  SubsetEvaluator evaluator(landscape, 700);
  run_search(evaluator, request(GetParam(), landscape));
  if (GetParam() == "forward") {
    EXPECT_LE(evaluator.evaluations(), 700);  // ends when no gene helps
  } else if (GetParam() == "qbso-improved" || GetParam() == "qbso-greedy") {
    EXPECT_GE(evaluator.evaluations(), 420);  // the polish may find nothing more to do
  } else {
    EXPECT_EQ(evaluator.evaluations(), 700);
  }
  EXPECT_EQ(dim_t(landscape.seen().size()), evaluator.evaluations());
  for (const auto& [set, times] : landscape.seen()) EXPECT_EQ(times, 1) << set;
}

TEST_P(EverySearch, DependsOnTheSeedAloneAndNotOnThreads) {
  const PairLandscape landscape(40, 6);
  const std::int64_t budget = GetParam() == "qbso-greedy" ? 1500 : 400;  // forward selection draws nothing
  std::vector<std::vector<std::pair<std::int64_t, double>>> runs;
  for (int threads : {1, 2, 3}) {
    omp_set_num_threads(threads);
    SubsetEvaluator evaluator(landscape, budget);
    run_search(evaluator, request(GetParam(), landscape, 9));
    runs.emplace_back();
    for (const TrajectoryPoint& p : evaluator.trajectory()) runs.back().emplace_back(p.evaluations, p.fitness);
  }
  omp_set_num_threads(omp_get_num_procs());
  EXPECT_EQ(runs[0], runs[1]);
  EXPECT_EQ(runs[0], runs[2]);
  if (GetParam() == "forward") return;  // draws nothing
  SubsetEvaluator other(landscape, budget);
  run_search(other, request(GetParam(), landscape, 10));
  std::vector<std::pair<std::int64_t, double>> points;
  for (const TrajectoryPoint& p : other.trajectory()) points.emplace_back(p.evaluations, p.fitness);
  EXPECT_NE(points, runs[0]);
}

TEST_P(EverySearch, EndsInASpaceThatIsSmallerThanTheBudget) {
  const PairLandscape landscape(4, 7);
  SubsetEvaluator evaluator(landscape, 100);
  run_search(evaluator, request(GetParam(), landscape));
  EXPECT_LE(evaluator.evaluations(), 15);
  if (GetParam() == "forward" || GetParam() == "random-10") return;
  EXPECT_DOUBLE_EQ(evaluator.best_fitness(), landscape.exhaustive_maximum()) << GetParam();
}

TEST_P(EverySearch, FindsTheBestOfOneTwoAndThreeCandidates) {
  for (int genes = 1; genes <= 3; ++genes) {
    for (std::uint64_t seed = 1; seed <= 25; ++seed) {
      const PairLandscape landscape(genes, seed);
      SubsetEvaluator evaluator(landscape, 100);
      run_search(evaluator, request(GetParam(), landscape, seed));
      if (GetParam() == "forward") continue;    // stops where no single gene helps
      if (GetParam() == "random-10") continue;  // knows the set of all genes only
      EXPECT_EQ(evaluator.best_fitness(), landscape.exhaustive_maximum()) << genes << " genes, seed " << seed;
    }
  }
}

TEST_P(EverySearch, StopsWhenAsked) {
  const PairLandscape landscape(60, 5);
  SubsetEvaluator evaluator(landscape, 100000);
  SearchRequest r = request(GetParam(), landscape);
  int asked = 0;
  r.stop = [&asked] { return ++asked > 2; };
  run_search(evaluator, r);
  EXPECT_LT(evaluator.evaluations(), 100000);
}

INSTANTIATE_TEST_SUITE_P(GeneSearch, EverySearch, ::testing::ValuesIn(search_names()), [](const auto& info) {
  std::string name = info.param;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

// The optimality gap where the optimum is known, 2^16 sets with a budget of 1500 (2.3 %).
TEST(ImprovedQbso, ReachesTheExhaustiveOptimum) {
  for (const char* search : {"qbso-improved", "qbso-greedy"}) {
    int reached = 0;
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
      const PairLandscape landscape(16, 100 + seed);
      SubsetEvaluator evaluator(landscape, 1500);
      run_search(evaluator, request(search, landscape, seed));
      const double optimum = landscape.exhaustive_maximum();
      EXPECT_GE(evaluator.best_fitness(), 0.9 * optimum);
      reached += evaluator.best_fitness() > optimum - 1e-12;
    }
    EXPECT_GE(reached, 9) << search;
  }
}

// The default never ends below forward selection, whose evaluations are part of its own.
TEST(GreedyQbso, ContainsForwardSelection) {
  int better = 0;
  for (std::uint64_t seed = 0; seed < 10; ++seed) {
    const PairLandscape landscape(60, 200 + seed);
    SubsetEvaluator forward(landscape, 1500), greedy(landscape, 1500);
    run_search(forward, request("forward", landscape));
    run_search(greedy, request("qbso-greedy", landscape, seed));
    EXPECT_LE(greedy.evaluations(), 1500);
    EXPECT_GE(greedy.best_fitness(), forward.best_fitness());
    better += greedy.best_fitness() > forward.best_fitness();
    EXPECT_EQ(greedy.trajectory().front().evaluations, forward.trajectory().front().evaluations);
  }
  EXPECT_GE(better, 1);
}

TEST(GreedyQbso, StartsSomewhereWhereNoGeneHelps) {
  class Worthless : public SubsetObjective {
   public:
    int num_genes() const override { return 12; }
    SubsetFit fit(const GeneSet& set, const SubsetFit*, const GeneSet&) const override {
      return {-double(set.size()), {1}};
    }
  } worthless;
  SubsetEvaluator evaluator(worthless, 300);
  run_search(evaluator, request("qbso-greedy", worthless));
  EXPECT_EQ(evaluator.best_fitness(), -1);
  EXPECT_EQ(evaluator.best().size(), 1);
}

// With flip 1 the first two bees both take the complement of the reference (docs/methods/genes.md, "QBSO-FS").
TEST(Qbso, TeamSettingsStartFromTheComplement) {
  const PairLandscape landscape(50, 8);
  SubsetEvaluator evaluator(landscape, 1);
  run_qbso(evaluator, team_qbso_options(), 4);
  ASSERT_EQ(landscape.seen().size(), 1u);
  EXPECT_GT(evaluator.best().size(), 30);  // the reference has about 10 genes
}

TEST(Qbso, EndsAfterThePublishedIterations) {
  const PairLandscape landscape(60, 5);
  SubsetEvaluator evaluator(landscape, 1000000);
  QbsoOptions options;
  const QbsoResult result = run_qbso(evaluator, options, 3);
  EXPECT_EQ(result.iterations, 10);
  // Iterations 1 to 9 take 10 episodes of 1 step for each of 10 bees, iteration 10 takes 2 steps an episode.
  EXPECT_EQ(result.steps, 9 * 10 * 10 + 10 * 10 * 2);
  ASSERT_EQ(result.usage.size(), 60u);
  for (double usage : result.usage) {
    EXPECT_GE(usage, 0);
    EXPECT_LE(usage, 1);
  }
}

TEST(Qbso, EachVariantChangesTheSearch) {
  const PairLandscape landscape(40, 9);
  const auto path = [&](const QbsoVariants& variants) {
    SubsetEvaluator evaluator(landscape, 600);
    QbsoOptions options;
    options.variants = variants;
    options.filter_scores.assign(40, 0);
    options.filter_scores[3] = 4;
    std::vector<double> usage = run_qbso(evaluator, options, 2).usage;
    usage.push_back(evaluator.best_fitness());
    return usage;
  };
  std::set<std::vector<double>> different = {path({}),
                                             path({.open_actions = true}),
                                             path({.factored_values = true}),
                                             path({.swaps = true}),
                                             path({.informed_start = true}),
                                             path({.greedy_start = true}),
                                             path({.near_area = true})};
  EXPECT_EQ(different.size(), 7u);
}

TEST(Qbso, RefusesSettingsOutOfRange) {
  const PairLandscape landscape(5, 9);
  SubsetEvaluator evaluator(landscape, 10);
  QbsoOptions options;
  options.bees = 0;
  EXPECT_ERROR(run_qbso(evaluator, options, 1), UsageError, "bee");
  options = {};
  options.alpha = 2;
  EXPECT_ERROR(run_qbso(evaluator, options, 1), UsageError, "alpha");
  options = {};
  options.variants.open_actions = true;
  EXPECT_ERROR(run_qbso(evaluator, options, 1), UsageError, "filter score");
  EXPECT_ERROR(run_search(evaluator, request("qbs", landscape)), UsageError, "'qbs'");
}

TEST(Climbs, EndInLocalOptima) {
  const PairLandscape landscape(20, 11);
  SubsetEvaluator evaluator(landscape, 100000);
  const GeneSet start{1, 5, 6}, top = climb(evaluator, start), polished = polish(evaluator, start);
  for (int gene = 0; gene < 20; ++gene) {
    EXPECT_LE(landscape.value(top.flipped(gene)), landscape.value(top));
    EXPECT_LE(landscape.value(polished.flipped(gene)), landscape.value(polished));
  }
  for (int out : polished.members()) {
    for (int in = 0; in < 20; ++in) {
      if (polished.contains(in)) continue;
      EXPECT_LE(landscape.value(polished.flipped(out).flipped(in)), landscape.value(polished) + 1e-12);
    }
  }
}

TEST(Climbs, ForwardSelectionTakesTheBestGeneFirst) {
  const PairLandscape landscape(20, 12);
  SubsetEvaluator evaluator(landscape, 100000);
  std::vector<int> order;
  const GeneSet set = forward_selection(evaluator, 4, &order);
  ASSERT_FALSE(order.empty());
  for (int gene = 0; gene < 20; ++gene) EXPECT_LE(landscape.value({gene}), landscape.value({order[0]}));
  EXPECT_EQ(set.size(), int(order.size()));
  EXPECT_LE(set.size(), 4);
}

}  // namespace
}  // namespace engram::genes
