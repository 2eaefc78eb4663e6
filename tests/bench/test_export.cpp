/// Each format against what its consumer asks for. Where a package holds the consumer, the program's test runs it.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "bench/engram_bench/export.h"
#include "kernels/common/error.h"
#include "tests/bench/sample_results.h"
#include "tests/support/expect_error.h"

namespace engram::bench {
namespace {

using nlohmann::json;
using testing::sample_results;

TEST(Export, GoogleBenchmarkHasRepetitionsAndAggregates) {
  const json all = json::parse(google_benchmark_json(sample_results()));
  EXPECT_EQ(all.at("context").at("num_cpus"), 2);
  const json& list = all.at("benchmarks");
  ASSERT_EQ(list.size(), 3u + 3 + 1 + 3 + 2 + 3);
  EXPECT_EQ(list[0].at("run_name"), "batch_norm/eval");
  EXPECT_EQ(list[0].at("run_type"), "iteration");
  EXPECT_EQ(list[0].at("time_unit"), "ns");
  EXPECT_DOUBLE_EQ(list[0].at("real_time").get<double>(), 2e6);
  EXPECT_DOUBLE_EQ(list[0].at("bytes_per_second").get<double>(), 1e9);
  EXPECT_EQ(list[4].at("aggregate_name"), "median");
  EXPECT_DOUBLE_EQ(list[4].at("real_time").get<double>(), 2e6);
}

TEST(Export, GithubActionListsNameUnitValue) {
  const json list = json::parse(github_action_json(sample_results()));
  ASSERT_EQ(list.size(), 5u);  // three timed rows and two counts
  for (const json& entry : list) {
    EXPECT_TRUE(entry.at("name").is_string());
    EXPECT_TRUE(entry.at("unit").is_string());
    EXPECT_TRUE(entry.at("value").is_number());
  }
  EXPECT_EQ(list[0].at("unit"), "ns/iter");
  EXPECT_EQ(list[0].at("range"), "± 750000");
  EXPECT_EQ(list[1].at("name"), "batch_norm/eval launches");
}

TEST(Export, BencherHasMeasuresOfNumbersWithinTheirBounds) {
  const json all = json::parse(bencher_json(sample_results()));
  ASSERT_EQ(all.size(), 4u);
  for (const auto& [name, measures] : all.items()) {
    for (const auto& [measure, metric] : measures.items()) {
      ASSERT_TRUE(metric.at("value").is_number()) << name;
      const double value = metric.at("value");
      EXPECT_LE(metric.value("lower_value", value), value) << name << measure;
      EXPECT_GE(metric.value("upper_value", value), value) << name << measure;
    }
  }
  EXPECT_EQ(all.at("pool/mean").at("launches").at("value"), 1);
}

TEST(Export, NvbenchHasABenchmarkAFamilyAndAStateAnEntry) {
  const json all = json::parse(nvbench_json(sample_results()));
  EXPECT_EQ(all.at("meta").at("version").at("json").at("string"), "1.0.0");
  ASSERT_EQ(all.at("benchmarks").size(), 2u);
  const json& batch_norm = all.at("benchmarks")[0];
  EXPECT_EQ(batch_norm.at("name"), "batch_norm");
  ASSERT_EQ(batch_norm.at("states").size(), 2u);
  EXPECT_EQ(batch_norm.at("axes")[0].at("values").size(), 2u);
  const json& state = batch_norm.at("states")[0];
  EXPECT_EQ(state.at("name"), "Device=0 Entry=eval");
  for (const json& summary : state.at("summaries")) {
    if (summary.at("tag") != "nv/cold/time/gpu/mean") continue;
    EXPECT_EQ(summary.at("data")[0].at("type"), "float64");
    EXPECT_NEAR(std::stod(summary.at("data")[0].at("value").get<std::string>()), 7e-3 / 3, 1e-12);
    return;
  }
  FAIL() << "expected the mean GPU time";
}

TEST(Export, AnUnknownFormatIsNamedWithTheNearest) {
  EXPECT_EQ(exported(sample_results(), "bencher"), bencher_json(sample_results()));
  EXPECT_ERROR(exported(sample_results(), "benchre"), UsageError, "did you mean 'bencher'?");
}

}  // namespace
}  // namespace engram::bench
