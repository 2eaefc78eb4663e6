#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "bench/engram_bench/results.h"
#include "kernels/common/error.h"
#include "tests/bench/sample_results.h"
#include "tests/support/expect_error.h"

namespace engram::bench {
namespace {

using nlohmann::json;
using testing::sample_results;

TEST(Results, AFileComesBackAsItWas) {
  const Results was = sample_results();
  const Results is = parse_results(results_json(was), "text");
  EXPECT_EQ(is.machine, was.machine);
  EXPECT_TRUE(is.build.same_options(was.build));
  EXPECT_EQ(is.build.commit, "abc123");
  EXPECT_EQ(is.conditions.session, was.conditions.session);
  EXPECT_EQ(is.conditions.scale, 4);
  EXPECT_EQ(is.conditions.lost_share, was.conditions.lost_share);
  ASSERT_EQ(is.rows.size(), was.rows.size());
  EXPECT_EQ(is.rows[0].seconds, was.rows[0].seconds);
  EXPECT_EQ(is.rows[0].counts, was.rows[0].counts);
  EXPECT_EQ(results_json(is), results_json(was));
}

TEST(Results, HardwareCountsComeBackWhereTheyWereKnown) {
  Results was = sample_results();
  was.rows[0].hardware = {3e6, 1e6};
  const json rows = json::parse(results_json(was)).at("rows");
  EXPECT_EQ(rows.at(0).at("hardware"), (json{{"instructions", 3e6}, {"cycles", 1e6}}));
  EXPECT_FALSE(rows.at(1).contains("hardware"));
  const Results is = parse_results(results_json(was), "text");
  EXPECT_EQ(is.rows[0].hardware.instructions, 3e6);
  EXPECT_FALSE(is.rows[1].hardware.known());
  was.rows[0].hardware.cycles = 1e19;
  EXPECT_ERROR(parse_results(results_json(was), "f.json"), DataError,
               "f.json: rows[0].hardware.cycles: expected a number from 0 to 1e+18, got 1e+19");
}

TEST(Results, ARowShowsQuartilesAndShares) {
  const json row = json::parse(results_json(sample_results())).at("rows").at(0);
  EXPECT_DOUBLE_EQ(row.at("median").get<double>(), 2e-3);
  EXPECT_DOUBLE_EQ(row.at("lower_quartile").get<double>(), 1.5e-3);
  EXPECT_DOUBLE_EQ(row.at("upper_quartile").get<double>(), 3e-3);
  EXPECT_EQ(row.at("number"), 3);
  EXPECT_DOUBLE_EQ(row.at("share_of_copy").get<double>(), 0.5);
  // 2 MB at 2 GB/s take 1 ms, 8 MFLOP at 16 GFLOP/s half of that.
  EXPECT_DOUBLE_EQ(row.at("share_of_roofline").get<double>(), 0.5);
  EXPECT_EQ(quartiles({}).median, 0);
  EXPECT_EQ(quartiles({7}).upper, 7);
}

TEST(Results, ACutOffFileIsDamagedWhereverItEnds) {
  const std::string whole = results_json(sample_results());
  for (std::size_t size = 0; size + 2 < whole.size(); size += 7)
    EXPECT_THROW(parse_results(whole.substr(0, size), "cut"), DataError) << size;
}

TEST(Results, EveryMemberIsNeededAndHasItsType) {
  const json whole = json::parse(results_json(sample_results()));
  const std::vector<std::string> derived = {"median", "lower_quartile", "upper_quartile", "number", "family", "quiet"};
  const json flat = whole.flatten();
  for (const auto& [path, value] : flat.items()) {
    const std::string name = path.substr(path.rfind('/') + 1);
    if (path.find("/counts") != std::string::npos || path.find("/seconds/") != std::string::npos) continue;
    if (name.starts_with("share_") || std::ranges::find(derived, name) != derived.end()) continue;
    json other = whole;
    other[json::json_pointer(path)] = json::object();
    EXPECT_THROW(parse_results(other.dump(), path), DataError) << path;
  }
}

TEST(Results, WhatNoRunWritesIsRefused) {
  Results results = sample_results();
  results.rows[0].seconds[1] = -1;
  EXPECT_ERROR(parse_results(results_json(results), "f.json"), DataError,
               "f.json: rows[0].seconds: expected a number from 1e-12 to 1e+09, got -1.0");
  results = sample_results();
  results.rows.push_back(results.rows[0]);
  EXPECT_ERROR(parse_results(results_json(results), "f.json"), DataError, "got batch_norm/eval twice");
  EXPECT_ERROR(parse_results("{}", "f.json"), DataError, "f.json: expected a file of engram-bench run --out");
  json newer = json::parse(results_json(sample_results()));
  newer["version"] = 2;
  EXPECT_ERROR(parse_results(newer.dump(), "f.json"), DataError, "expected version 1");
  EXPECT_THROW(read_results("/no/such/file"), IoError);
}

/// The error for a file of which one member is another.
void expect_refused(const char* path, const json& value, const char* what) {
  json other = json::parse(results_json(sample_results()));
  other[json::json_pointer(path)] = value;
  EXPECT_ERROR(parse_results(other.dump(), "f.json"), DataError, what);
}

TEST(Results, NumbersThatNoRunMeasuresAreRefused) {
  expect_refused("/rows/1/seconds", json::array(), "f.json: rows[1]: expected times or counts of batch_norm/train");
  expect_refused("/rows/1/seconds/0", 1e308, "f.json: rows[1].seconds: expected a number from 1e-12 to 1e+09");
  expect_refused("/rows/0/bytes_read", -8, "f.json: rows[0].bytes_read: expected a whole number from 0, got -8");
  expect_refused("/rows/0/median", nullptr, "f.json: rows[0].median: expected a number");
  expect_refused("/rows/0/median", 1.0, "f.json: rows[0].median: expected that of the times, 0.002, got 1");
  expect_refused("/rows/0/number", 2, "f.json: rows[0].number: expected that of the 3 times, got 2");
  expect_refused("/run/scale", 0, "f.json: run.scale: expected a whole number from 1, got 0");
  expect_refused("/machine", json::array(), "f.json: machine: expected a JSON object, got []");
}

TEST(Results, WhatIsNoJsonIsNamedByItsLine) {
  EXPECT_ERROR(parse_results("", "f.json"), DataError, "f.json: expected JSON, got nothing");
  EXPECT_ERROR(parse_results("{\n \"format\": engram", "f.json"), DataError,
               "f.json: line 2: expected JSON, got ' \"format\": e'");
  EXPECT_ERROR(parse_results("{\"a\": 1,\n", "f.json"), DataError,
               "f.json: line 2: expected JSON, got the end of the text");
}

}  // namespace
}  // namespace engram::bench
