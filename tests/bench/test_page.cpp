#include <gtest/gtest.h>

#include "bench/engram_bench/bench_page.h"
#include "bench/engram_bench/roofline_plot.h"
#include "tests/bench/sample_results.h"

namespace engram::bench {
namespace {

using testing::sample_results;

int count(const std::string& text, const std::string& word) {
  int found = 0;
  for (auto at = text.find(word); at != std::string::npos; at = text.find(word, at + 1)) ++found;
  return found;
}

TEST(BenchPage, ShowsEveryTimedKernelOnTheRoofline) {
  const std::string plot = roofline_plot(sample_results()).str();
  EXPECT_EQ(count(plot, "<circle"), 3);
  EXPECT_EQ(count(plot, "class=\"roof\""), 2);
  EXPECT_NE(plot.find("batch_norm/eval: 2000 us, 50 % of the roofline"), std::string::npos) << plot;
  Results without = sample_results();
  without.roofline = {};
  EXPECT_TRUE(roofline_plot(without).empty());
}

TEST(BenchPage, AHistoryHasChartsAndAHeatMap) {
  Results first = sample_results(), slower = sample_results();
  slower.build.commit = "def456";
  for (double& seconds : slower.rows[0].seconds) seconds *= 2;
  const std::string alone = bench_page({first}), both = bench_page({first, slower});
  EXPECT_EQ(count(alone, "<h2>History</h2>"), 0);
  EXPECT_EQ(count(both, "<h2>History</h2>"), 1);
  EXPECT_EQ(count(both, "cell slower"), 1);
  EXPECT_NE(both.find("def456"), std::string::npos);
}

TEST(BenchPage, ResultsOfOtherMachinesAreLeftOutAndSaid) {
  Results other = sample_results();
  other.machine.processor = "another";
  const std::string page = bench_page({other, sample_results()});
  EXPECT_NE(page.find("1 results of other machines are left out"), std::string::npos);
  EXPECT_EQ(count(page, "<h2>History</h2>"), 0);
}

TEST(BenchPage, NamesFromFilesAreText) {
  Results results = sample_results();
  results.rows[0].name = "f/<script>";
  results.machine.processor = "<b>";
  const std::string page = bench_page({results, results});
  EXPECT_EQ(page.find("<script>"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
}

}  // namespace
}  // namespace engram::bench
