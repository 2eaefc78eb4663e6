#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "bench/engram_bench/comparison.h"
#include "kernels/common/error.h"
#include "tests/bench/noisy_machine.h"
#include "tests/bench/sample_results.h"

namespace engram::bench {
namespace {

using testing::NoisyMachine;

constexpr int kRows = 10;
const CompareRules kRules;
const int kRounds = usual_rounds(kRows, kRules.level);

int words(const Comparison& comparison, Verdict verdict) {
  return int(std::ranges::count(comparison.rows, verdict, &RowComparison::verdict));
}

TEST(Comparison, ABuildAgainstItselfHasAtMostTwoFalseRegressionsInAHundredRuns) {
  NoisyMachine machine(1);
  int regressions = 0;
  constexpr int kRuns = 200;
  for (int run = 0; run < kRuns; ++run) {
    const auto [a, b] = machine.turns(kRounds, kRows);
    regressions += words(compare(a, b, kRules, false), Verdict::kRegression);
  }
  EXPECT_LE(regressions, 2 * kRuns / 100);
}

TEST(Comparison, ASlowdownOfTenPercentIsFoundEveryTimeAndInItsRowOnly) {
  NoisyMachine machine(2);
  for (int run = 0; run < 10; ++run) {
    const auto [a, b] = machine.turns(kRounds, kRows, {{run, 1.1}});
    const Comparison comparison = compare(a, b, kRules, false);
    const auto row = std::size_t(run);
    EXPECT_EQ(comparison.rows[row].verdict, Verdict::kRegression) << run;
    EXPECT_EQ(words(comparison, Verdict::kRegression), 1);
    EXPECT_TRUE(comparison.is_worse());
  }
}

TEST(Comparison, AGainIsAnImprovementAndNothingWorse) {
  NoisyMachine machine(3);
  const auto [a, b] = machine.turns(kRounds, kRows, {{4, 0.8}});
  const Comparison comparison = compare(a, b, kRules, false);
  EXPECT_EQ(comparison.rows[4].verdict, Verdict::kImprovement);
  EXPECT_FALSE(comparison.is_worse());
}

TEST(Comparison, RunsApartAreNoPairsAndNeedMore) {
  NoisyMachine machine(4);
  auto [a, b] = machine.turns(30, 1, {{0, 1.1}});
  a.conditions.session = b.conditions.session = "";
  const Comparison comparison = compare(a, b, kRules, false);
  EXPECT_FALSE(comparison.in_turns);
  EXPECT_EQ(comparison.rows[0].verdict, Verdict::kUnknown);  // 10 %: two states of a machine differ by as much
  for (double& s : b.rows[0].seconds) s *= 1.4;
  EXPECT_EQ(compare(a, b, kRules, false).rows[0].verdict, Verdict::kRegression);
}

TEST(Comparison, ExactCountsDifferOrDoNot) {
  Results a, b;
  a.rows = b.rows = {{.name = "f/e", .counts = {{"launches", 3}, {"sectors", 100}}}};
  EXPECT_FALSE(compare(a, b, kRules, false).is_worse());
  b.rows[0].counts = {{"launches", 4}, {"conflicts", 7}};
  const Comparison comparison = compare(a, b, kRules, false);
  EXPECT_TRUE(comparison.is_worse());
  std::ostringstream text;
  print_comparison(text, comparison);
  EXPECT_NE(text.str().find("launches: was 3, is 4"), std::string::npos) << text.str();
  EXPECT_NE(text.str().find("sectors: was 100, is none"), std::string::npos);
  EXPECT_NE(text.str().find("conflicts: was none, is 7"), std::string::npos);
}

TEST(Comparison, TimesThatAreGoneAreWorse) {
  const Results was = testing::sample_results();
  Results is = was;
  is.rows[0].seconds.clear();
  const Comparison comparison = compare(was, is, {}, false);
  EXPECT_TRUE(comparison.is_worse());
  std::ostringstream out;
  print_comparison(out, comparison);
  EXPECT_NE(out.str().find("batch_norm/eval: expected times in both, got them in OLD only"), std::string::npos)
      << out.str();
  EXPECT_FALSE(compare(is, was, {}, false).is_worse());
}

TEST(Comparison, ARenamedKernelIsNamedWithWhatItMayBeNow) {
  Results a, b;
  a.rows = {{.name = "batch_norm/evaluate"}, {.name = "pool/max"}};
  b.rows = {{.name = "batch_norm/evaluation"}, {.name = "pool/max"}};
  const Comparison comparison = compare(a, b, kRules, false);
  EXPECT_TRUE(comparison.is_worse());
  std::ostringstream text;
  print_comparison(text, comparison);
  EXPECT_NE(text.str().find("batch_norm/evaluate: expected in both, got it in OLD only; did you mean "
                            "'batch_norm/evaluation'?"),
            std::string::npos)
      << text.str();
}

TEST(Comparison, OtherMachinesAndBuildsAreComparedOnlyByForceAndMarked) {
  const auto refuses = [](void (*change)(Results&)) {
    Results a, b;
    a.rows = b.rows = {{.name = "f/e", .seconds = {1, 1}}};
    change(b);
    EXPECT_THROW(compare(a, b, kRules, false), DataError);
    std::ostringstream text;
    print_comparison(text, compare(a, b, kRules, true));
    EXPECT_EQ(text.str().find("FORCED: expected results of one "), 0u) << text.str();
    EXPECT_NE(text.str().find("(forced)"), std::string::npos);
  };
  refuses([](Results& r) { r.machine.processor = "another"; });
  refuses([](Results& r) { r.machine.device = "another"; });
  refuses([](Results& r) { r.machine.kernel_isa = "another"; });
  refuses([](Results& r) { r.machine.num_processors = 3; });
  refuses([](Results& r) { r.build.flags = "-O0"; });
  refuses([](Results& r) { r.build.type = "Debug"; });
  refuses([](Results& r) { r.build.compiler = "another"; });
  refuses([](Results& r) { r.conditions.threads = 7; });
  refuses([](Results& r) { r.conditions.scale = 7; });
  Results a, b;
  b.build.commit = "another";  // which is what comparisons are for
  EXPECT_TRUE(obstacles(a, b).empty());
}

TEST(Turns, TheOrderAlternatesAndEachProcessCountsOnce) {
  std::vector<bool> order;
  const auto [a, b] = run_in_turns(3, "s", [&](bool is_new, std::uint64_t seed) {
    order.push_back(is_new);
    Results one;
    one.conditions.rounds = 2;
    one.conditions.lost_share = is_new ? 0.3 : 0.0;
    one.rows = {{.name = "f/e", .seconds = {double(seed), 3 * double(seed)}}};
    return one;
  });
  EXPECT_EQ(order, (std::vector<bool>{false, true, true, false, false, true}));
  EXPECT_EQ(a.rows[0].seconds, (std::vector<double>{2, 4, 6}));
  EXPECT_NEAR(b.conditions.lost_share, 0.3, 1e-12);
  EXPECT_EQ(a.conditions.session, "s");
  EXPECT_THROW(run_in_turns(1, "s",
                            [](bool is_new, std::uint64_t) {
                              Results one;
                              if (is_new) one.rows = {{.name = "f/e"}};
                              return one;
                            }),
               DataError);
}

}  // namespace
}  // namespace engram::bench
