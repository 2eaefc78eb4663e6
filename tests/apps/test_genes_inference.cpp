/// What engram-genes prints about probabilities.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/io/atomic_file.h"
#include "engine/io/csv.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram::test {
namespace {

namespace fs = std::filesystem;

std::string content(const fs::path& file) {
  return std::string(io::as_text(io::read_file(file)));
}

/// A small cohort in which nothing is to be found.
class GenesInference : public ::testing::Test {
 protected:
  void SetUp() override {
    const ProgramResult run = run_program("engram-genes", {"simulate", "--scenario", "N", "--patients", "200",
                                                           "--gene-count", "40", "--seed", "4", "--out", data()});
    ASSERT_EQ(run.code, 0) << run.err;
  }

  fs::path data() const { return folder_ / "cohort"; }
  fs::path out() const { return folder_ / "run"; }

  ProgramResult select(const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"select", "--data",        data(), "--out",    out(), "--seeds",
                                          "1",      "--evaluations", "100",  "--splits", "0",   "--quiet"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_program("engram-genes", arguments);
  }

  TempFolder folder_;
};

TEST_F(GenesInference, NothingIsDeclaredWithoutPermutations) {
  const ProgramResult run = select({"--permutations", "0"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.out.find("none is declared"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("was not tested"), std::string::npos) << run.out;
  EXPECT_EQ(run.out.find("family-wise p < 0.05"), std::string::npos) << run.out;
  const nlohmann::json json = nlohmann::json::parse(content(out() / "selection.json"));
  EXPECT_TRUE(json["family_test"].is_null());
  for (const nlohmann::json& gene : json["genes"]) {
    EXPECT_FALSE(gene["declared"]);
    EXPECT_TRUE(gene["family_p"].is_null());
  }
}

TEST_F(GenesInference, AListOfNoiseIsCalledThat) {
  const ProgramResult run = select({"--permutations", "99", "--controls", "4"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.out.find("From noise alone the list would look like this"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("Negative control"), std::string::npos) << run.out;
  const std::string page = content(out() / "report.html");
  EXPECT_NE(page.find("Negative control"), std::string::npos);
  const nlohmann::json json = nlohmann::json::parse(content(out() / "selection.json"));
  EXPECT_EQ(json["negative_control"]["found"].size(), 4u);
  EXPECT_EQ(json["family_test"]["replicates"], 99);
  for (const nlohmann::json& gene : json["genes"]) {
    EXPECT_LE(gene["selective_lower95"], gene["selective_effect"]);
    EXPECT_GE(gene["selective_upper95"], gene["selective_effect"]);
  }
}

TEST_F(GenesInference, ScreensKeepTheModelsPValueApart) {
  const ProgramResult run = run_program(
      "engram-genes", {"screen", "--data", data(), "--model", "AFT", "--replicates", "100", "--out", out(), "--quiet"});
  ASSERT_EQ(run.code, 0) << run.err;
  const io::CsvTable table = io::parse_csv(io::read_file(out() / "screen.csv"), "table");
  EXPECT_EQ(table.header.back(), "model_log10_p");
  EXPECT_EQ(table.rows.size(), 40u);
  EXPECT_NE(run.out.find("permutations within the arms"), std::string::npos) << run.out;
}

TEST_F(GenesInference, CalibrateMeasuresASetting) {
  const ProgramResult run =
      run_program("engram-genes", {"calibrate", "--setting", "rare", "--cohorts", "3", "--replicates", "19",
                                   "--screens", "OS", "--out", out(), "--quiet"});
  ASSERT_EQ(run.code, 0) << run.err;
  const io::CsvTable table = io::parse_csv(io::read_file(out() / "calibration.csv"), "table");
  EXPECT_EQ(table.header[1], "what");
  EXPECT_EQ(table.rows.front()[1], "family test: any gene without effect");
  EXPECT_GE(table.rows.size(), 9u);
  EXPECT_NE(run.out.find("99 % interval"), std::string::npos) << run.out;
}

}  // namespace
}  // namespace engram::test
