/// What engram-genes prints about probabilities.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/io/atomic_file.h"
#include "engine/io/csv.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram::test {
namespace {

using test::file_text;

namespace fs = std::filesystem;

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
                                          "1",      "--evaluations", "100",  "--splits", "0",   "--reselections",
                                          "2",      "--quiet"};
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
  const nlohmann::json json = nlohmann::json::parse(file_text(out() / "selection.json"));
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
  const std::string page = file_text(out() / "report.html");
  EXPECT_NE(page.find("Negative control"), std::string::npos);
  const nlohmann::json json = nlohmann::json::parse(file_text(out() / "selection.json"));
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

// Four patients of each family die together: who is told of them sees wider intervals. Families are one CSV file's.
TEST_F(GenesInference, SelectAndScreensAreToldOfClusters) {
  std::string table = "id,family,time,event,Treatment,Var1";
  for (int gene = 1; gene <= 8; ++gene) table += ",G" + std::to_string(gene);
  for (int i = 0; i < 160; ++i) {
    const int family = i / 4;
    table += "\np" + std::to_string(i) + ",f" + std::to_string(family) + "," +
             std::to_string(5 + (family * 37) % 101 + (i * 7) % 5) + "," + std::to_string(i % 6 != 5) + "," +
             std::to_string(family % 2) + "," + std::to_string((i * 13) % 10);
    for (int gene = 1; gene <= 8; ++gene) table += (family * (2 * gene + 3)) % 7 < 3 ? ",1" : ",0";
  }
  io::write_file(folder_ / "families.csv", table + "\n");
  const std::vector<std::string> one_file = {
      "--data", folder_ / "families.csv", "--index", "id", "--clinical", "Var1", "--out", out(), "--quiet", "--cluster",
      "family"};
  const auto errors = [&](bool told, const std::vector<std::string>& more) {
    std::vector<std::string> arguments = more;
    arguments.insert(arguments.end(), one_file.begin(), told ? one_file.end() : one_file.end() - 2);
    if (!told) arguments.insert(arguments.end(), {"--genes", "G*"});
    const ProgramResult run = run_program("engram-genes", arguments);
    EXPECT_EQ(run.code, 0) << run.err;
    return run;
  };
  const std::vector<std::string> quick = {"select", "--seeds",        "1", "--evaluations", "50", "--splits",
                                          "0",      "--controls",     "0", "--report",      "3",  "--permutations",
                                          "99",     "--reselections", "2"};
  errors(true, quick);
  const nlohmann::json with = nlohmann::json::parse(file_text(out() / "selection.json"));
  fs::remove_all(out());
  errors(false, quick);
  const nlohmann::json without = nlohmann::json::parse(file_text(out() / "selection.json"));
  fs::remove_all(out());
  const auto error_of = [](const nlohmann::json& json, const std::string& name) {
    for (const nlohmann::json& gene : json["genes"])
      if (gene["gene"] == name) return gene["se"].get<double>();
    return 0.0;
  };
  int compared = 0;
  for (const nlohmann::json& gene : with["genes"]) {
    const double untold = error_of(without, gene["gene"]);
    if (untold == 0) continue;
    EXPECT_GT(gene["se"].get<double>(), 1.1 * untold);
    ++compared;
  }
  EXPECT_GT(compared, 0);
  for (const char* model : {"S1", "C"}) {
    errors(true, {"screen", "--model", model, "--replicates", "100"});
    EXPECT_EQ(io::parse_csv(io::read_file(out() / "screen.csv"), "table").rows.size(), 8u);
    fs::remove_all(out());
  }
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
