/// engram-genes as a user runs it: results, the report, and bad input as one line with its exit code.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/io/atomic_file.h"
#include "engine/io/csv.h"
#include "kernels/common/error.h"
#include "tests/support/golden.h"
#include "tests/support/run_program.h"
#include "tests/support/tag_balance.h"
#include "tests/support/temp_folder.h"

namespace engram::test {
namespace {

using test::file_text;

namespace fs = std::filesystem;

constexpr const char* kSurvival = "Survival_time_event.csv";
constexpr const char* kGenes = "Genetic_alterations.csv";
constexpr const char* kClinical = "Clinical_Variables.csv";
constexpr const char* kTreatment = "Treatment.csv";

/// A small simulated cohort in files.
class Genes : public ::testing::Test {
 protected:
  void SetUp() override { simulate(); }

  void simulate() {
    fs::remove_all(data());
    const ProgramResult run = run_program("engram-genes", {"simulate", "--scenario", "H", "--patients", "300",
                                                           "--gene-count", "60", "--seed", "4", "--out", data()});
    ASSERT_EQ(run.code, 0) << run.err;
  }

  fs::path data() const { return folder_ / "cohort"; }
  fs::path run_folder() const { return folder_ / "run"; }

  std::vector<std::string> quick_select(const fs::path& out) const {
    return {"select", "--data",         data(), "--out",          out, "--seeds",
            "2",      "--evaluations",  "200",  "--splits",       "2", "--controls",
            "1",      "--permutations", "50",   "--reselections", "2", "--quiet"};
  }

  /// Rewrites one file of the cohort cell by cell; row 0 is the header.
  void edit(const char* file, const std::function<void(std::size_t row, std::vector<std::string>& cells)>& change) {
    const io::CsvTable table = io::parse_csv(io::read_file(data() / file), file);
    std::string text;
    std::vector<std::vector<std::string>> rows = table.rows;
    rows.insert(rows.begin(), table.header);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      change(r, rows[r]);
      std::string line;
      for (std::size_t c = 0; c < rows[r].size(); ++c) io::append_csv_cell(line, c, rows[r][c]);
      text += line + "\n";
    }
    io::write_file(data() / file, text);
  }

  /// Expects an exit code, one line with these words, and no run folder.
  void expect_error(std::vector<std::string> arguments, int code, const std::vector<std::string>& words) {
    const ProgramResult run = run_program("engram-genes", arguments);
    EXPECT_EQ(run.code, code) << run.err;
    std::string last = run.err;
    while (!last.empty() && last.back() == '\n') last.pop_back();
    last = last.substr(last.rfind('\n') + 1);  // findings about the data may stand before it
    EXPECT_TRUE(last.starts_with("engram-genes: ")) << run.err;
    for (const std::string& word : words) EXPECT_NE(last.find(word), std::string::npos) << word << " in: " << last;
    EXPECT_FALSE(fs::exists(run_folder()));
  }

  void expect_select_error(int code, const std::vector<std::string>& words, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = quick_select(run_folder());
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_error(arguments, code, words);
  }

  /// Runs select on what the files hold now, and expects whole numbers everywhere.
  std::string expect_select_works() {
    const ProgramResult run = run_program("engram-genes", quick_select(run_folder()));
    EXPECT_EQ(run.code, 0) << run.err;
    for (const char* file : {"selected_genes.csv", "candidates.csv", "selection.json"}) {
      const std::string text = file_text(run_folder() / file);
      for (const char* bad : {"nan", "inf,", "-inf", "null"})
        EXPECT_EQ(text.find(bad), std::string::npos) << file << bad;
    }
    const std::string page = file_text(run_folder() / "report.html");
    EXPECT_EQ(unbalanced_tag(page), "");
    for (const char* bad : {"nan ", "nan)", "nan<", " inf", "-inf"})
      EXPECT_EQ(page.find(bad), std::string::npos) << bad;
    fs::remove_all(run_folder());
    return run.err;
  }

  TempFolder folder_;
};

TEST_F(Genes, SelectWritesTablesAndAReport) {
  std::vector<std::string> arguments = quick_select(run_folder());
  arguments.insert(arguments.end(), {"--time-unit", "months"});
  const ProgramResult run = run_program("engram-genes", arguments);
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.out.find("report: "), std::string::npos);
  const nlohmann::json json = nlohmann::json::parse(file_text(run_folder() / "selection.json"));
  EXPECT_EQ(json["genes"].size(), 10u);
  EXPECT_EQ(json["wrapper"]["runs"].size(), 2u);
  const io::CsvTable table = io::parse_csv(io::read_file(run_folder() / "selected_genes.csv"), "table");
  EXPECT_EQ(table.rows.size(), 10u);
  const std::string page = file_text(run_folder() / "report.html");
  EXPECT_EQ(unbalanced_tag(page), "");
  for (const char* text :
       {"Forest plot of the treatment interactions", "Kaplan-Meier curves by treatment and mutation of",
        "Stability of the genes", "Best fitness over models fitted", "treated, not mutated", "class=\"band kb0\"",
        "log-rank p", "time in months", "<div class=\"forest-row\">", "data-column=\"E-value\"",
        "Beside this page lie selected_genes.csv, candidates.csv, selection.json, and"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
  for (const char* loads : {"http:", "https:", "<script", "url("})
    EXPECT_EQ(page.find(loads), std::string::npos) << loads;
  const nlohmann::json manifest = nlohmann::json::parse(file_text(run_folder() / "manifest.json"));
  EXPECT_EQ(manifest["status"], "complete");
  EXPECT_EQ(manifest["hashes"].size(), 4u);
}

TEST_F(Genes, SelectRepeatsItselfOnOtherPatients) {
  std::vector<std::string> arguments = quick_select(run_folder());
  for (const char* more : {"--bootstrap", "4", "--cross-validate", "1", "--weights", "overlap"})
    arguments.emplace_back(more);
  const ProgramResult run = run_program("engram-genes", arguments);
  ASSERT_EQ(run.code, 0) << run.err;
  const nlohmann::json json = nlohmann::json::parse(file_text(run_folder() / "selection.json"));
  EXPECT_EQ(json["bootstrap"]["resamples"], 4);
  EXPECT_EQ(json["bootstrap"]["listed_again"]["counts"].size(), 4u);
  ASSERT_EQ(json["cross_validation"].size(), 1u);
  EXPECT_GT(json["cross_validation"][0]["with_genes"]["harrell"], 0.6);
  const io::CsvTable table = io::parse_csv(io::read_file(run_folder() / "selected_genes.csv"), "table");
  const auto column = std::ranges::find(table.header, "bootstrap") - table.header.begin();
  ASSERT_LT(std::size_t(column), table.header.size());
  EXPECT_NE(table.rows.front()[std::size_t(column)], "");
  const std::string page = file_text(run_folder() / "report.html");
  EXPECT_EQ(unbalanced_tag(page), "");
  for (const char* text : {"Bootstrap of the whole selection", "How well the genes predict other patients",
                           "concordance (Uno)", "overlap weights"})
    EXPECT_NE(page.find(text), std::string::npos) << text;
}

// Two deaths: in some of 200 folds both are among the patients held out.
TEST_F(Genes, SelectStandsWithoutACrossValidation) {
  const fs::path table = folder_ / "two_deaths.csv";
  std::string text = ",time,event,Treatment,Var1,G1,G2,G3,G4\n";
  for (int i = 0; i < 60; ++i) {
    text += std::to_string(i) + "," + std::to_string(5 + i * 37 % 60) + (i == 3 || i == 20 ? ",1," : ",0,") +
            std::to_string(i % 2) + "," + std::to_string(0.1 + i * 11 % 7);
    for (int gene = 1; gene <= 4; ++gene) text += (i * (2 * gene + 1) / 4) % 3 == 0 ? ",1" : ",0";
    text += "\n";
  }
  io::write_file(table, text);
  const ProgramResult run =
      run_program("engram-genes",
                  {"select", "--data", table, "--clinical", "Var1", "--out", run_folder(), "--seeds", "1",
                   "--evaluations", "20", "--splits", "0", "--reselections", "1", "--cross-validate", "40", "--quiet"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.err.find("no cross-validation: [prediction] expected deaths outside the fold"), std::string::npos)
      << run.err;
  EXPECT_TRUE(fs::exists(run_folder() / "selected_genes.csv"));
  EXPECT_EQ(unbalanced_tag(file_text(run_folder() / "report.html")), "");
}

TEST_F(Genes, SelectIsTheSameAgainFromItsConfiguration) {
  ASSERT_EQ(run_program("engram-genes", quick_select(run_folder())).code, 0);
  const fs::path again = folder_ / "again";
  const ProgramResult run = run_program("engram-genes", {"select", "--config", run_folder() / "config.json", "--out",
                                                         again, "--threads", "1", "--quiet"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(file_text(run_folder() / "selection.json"), file_text(again / "selection.json"));
}

TEST_F(Genes, ScreenRanksEveryGene) {
  for (const char* model : {"A", "B", "C", "TA", "S1", "S2", "OS", "AFT"}) {
    const ProgramResult run = run_program(
        "engram-genes", {"screen", "--data", data(), "--model", model, "--out", run_folder(), "--force", "--quiet"});
    EXPECT_EQ(run.code, 0) << model << run.err;
    const io::CsvTable table = io::parse_csv(io::read_file(run_folder() / "screen.csv"), "table");
    EXPECT_EQ(table.rows.size(), 60u) << model;
    EXPECT_EQ(unbalanced_tag(file_text(run_folder() / "report.html")), "");
  }
}

TEST_F(Genes, EvaluateGoesOnWhereItStopped) {
  const std::vector<std::string> methods = {"--methods", "univariate-cox,aft-forward"};
  const ProgramResult run = run_program("engram-genes", {"evaluate", "--scenarios", "H", "--cohorts", "2", methods[0],
                                                         methods[1], "--out", run_folder(), "--quiet"});
  ASSERT_EQ(run.code, 0) << run.err;
  const std::string first = file_text(run_folder() / "cells/H_00001.json"),
                    table = file_text(run_folder() / "evaluation.md");
  fs::remove(run_folder() / "cells/H_00002.json");
  const ProgramResult more = run_program(
      "engram-genes", {"evaluate", "--config", run_folder() / "config.json", "--resume", run_folder(), "--quiet"});
  ASSERT_EQ(more.code, 0) << more.err;
  EXPECT_EQ(file_text(run_folder() / "cells/H_00001.json"), first);
  EXPECT_EQ(file_text(run_folder() / "evaluation.md"), table);
  // Cells that are none, were edited, or belong to another cohort.
  const std::string second = file_text(run_folder() / "cells/H_00002.json");
  nlohmann::ordered_json edited = nlohmann::ordered_json::parse(second), reseeded = edited;
  edited["methods"][0]["hits"] = -5;
  reseeded["seed"] = 7;
  for (const std::string& text : {std::string("{}"), edited.dump(), reseeded.dump(), first}) {
    io::write_file(run_folder() / "cells/H_00002.json", text);
    const ProgramResult damaged = run_program(
        "engram-genes", {"evaluate", "--config", run_folder() / "config.json", "--resume", run_folder(), "--quiet"});
    EXPECT_EQ(damaged.code, 3);
    EXPECT_NE(damaged.err.find("H_00002.json"), std::string::npos) << damaged.err;
    EXPECT_EQ(file_text(run_folder() / "evaluation.md"), table);
  }
}

TEST_F(Genes, EvaluateMeasuresPredictions) {
  const ProgramResult run =
      run_program("engram-genes", {"evaluate", "--scenarios", "R", "--cohorts", "2", "--methods",
                                   "cox-forward,univariate-cox", "--folds", "2", "--out", run_folder(), "--quiet"});
  ASSERT_EQ(run.code, 0) << run.err;
  const nlohmann::json json = nlohmann::json::parse(file_text(run_folder() / "evaluation.json"));
  ASSERT_EQ(json.size(), 2u);
  for (const nlohmann::json& row : json) {
    EXPECT_GT(row["harrell_gain"]["mean"], 0);
    EXPECT_GT(row["benefit_concordance"]["mean"], 0.5);
    EXPECT_GT(row["gain_of_recommended"]["mean"], 0);
  }
  EXPECT_GT(json[0]["harrell_gain"]["mean"], json[1]["harrell_gain"]["mean"]);  // sets against single genes
  EXPECT_NE(file_text(run_folder() / "report.html").find("What the listed genes predict"), std::string::npos);
  EXPECT_NE(file_text(run_folder() / "evaluation.md").find("benefit concordance"), std::string::npos);
  fs::remove_all(run_folder());
  expect_error({"evaluate", "--scenarios", "R", "--folds", "1", "--out", run_folder()}, 2, {"--folds", "got 1"});
}

TEST_F(Genes, EvaluateMeasuresAgainstAKey) {
  io::write_file(folder_ / "key.csv", "gene,role\nG1,treatment_interaction\nG2,prognostic_only\n");
  const auto arguments = [this](const fs::path& key) {
    return std::vector<std::string>{"evaluate",   "--data",    data(),     "--key",         key,
                                    "--inferred", "--cohorts", "1",        "--out",         run_folder(),
                                    "--quiet",    "--methods", "pipeline", "--evaluations", "100"};
  };
  const ProgramResult run = run_program("engram-genes", arguments(folder_ / "key.csv"));
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_NE(file_text(run_folder() / "report.html").find("inferred key"), std::string::npos);
  fs::remove_all(run_folder());
  io::write_file(folder_ / "bad.csv", "gene,role\nG999,treatment_interaction\n");
  expect_error(arguments(folder_ / "bad.csv"), 3, {"bad.csv", "'G999'"});
  io::write_file(folder_ / "bad.csv", "gene,what\nG1,x\n");
  expect_error(arguments(folder_ / "bad.csv"), 3, {"bad.csv", "gene and role"});
}

TEST_F(Genes, FitsSingleModels) {
  const fs::path table = folder_ / "table.csv";
  for (const char* command : {"fit-cox", "fit-aft", "lasso"}) {
    const ProgramResult run =
        run_program("engram-genes", {command, "--data", data(), "--main", "G1,G2", "--product", "G1", "--out", table});
    EXPECT_EQ(run.code, 0) << command << run.err;
    EXPECT_GT(io::parse_csv(io::read_file(table), "table").rows.size(), 5u) << command;
  }
  for (const char* command : {"fit-cox", "fit-aft"}) {
    const std::vector<std::string> arguments = {command, "--data", data(), "--main", "G1"};
    std::vector<std::string> robust = arguments;
    robust.emplace_back("--robust");
    const ProgramResult plain = run_program("engram-genes", arguments), sandwich = run_program("engram-genes", robust);
    EXPECT_EQ(sandwich.code, 0) << command << sandwich.err;
    EXPECT_NE(plain.out, sandwich.out) << command;
  }
  expect_error({"fit-cox", "--data", data(), "--main", "G99"}, 2, {"G99"});
  expect_error({"fit-aft", "--data", data(), "--distribution", "gamma"}, 2, {"gamma", "loglogistic"});
}

TEST_F(Genes, AnInterruptedSelectionStartsAgainFromItsFolderAlone) {
  ASSERT_EQ(run_program("engram-genes", quick_select(run_folder())).code, 0);
  const std::string selection = file_text(run_folder() / "selection.json");
  fs::remove(run_folder() / "selection.json");
  const std::vector<std::string> resume = {"select", "--resume", run_folder(), "--quiet"};
  const ProgramResult again = run_program("engram-genes", resume);
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(file_text(run_folder() / "selection.json"), selection);
  edit(kTreatment, [](std::size_t row, auto& cells) {
    if (row == 8) cells[1] = cells[1] == "1" ? "0" : "1";
  });
  const ProgramResult other = run_program("engram-genes", resume);
  EXPECT_EQ(other.code, 3);
  EXPECT_NE(other.err.find("got data/Treatment.csv of other content"), std::string::npos) << other.err;
}

TEST_F(Genes, ASimulationIsReplacedAsAWhole) {
  const std::string survival = file_text(data() / kSurvival), truth = file_text(data() / "truth.json");
  const std::string line = "ulimit -f 8; '" ENGRAM_BIN_DIR "/engram-genes' simulate --seed 5 --force --out '" +
                           data().string() + "' 2> /dev/null";
  EXPECT_NE(std::system(line.c_str()), 0);  // its files do not fit
  EXPECT_EQ(file_text(data() / kSurvival), survival);
  EXPECT_EQ(file_text(data() / "truth.json"), truth);
  EXPECT_EQ(run_program("engram-genes", {"simulate", "--patients", "300", "--gene-count", "60", "--seed", "5",
                                         "--force", "--out", data()})
                .code,
            0);
  EXPECT_NE(file_text(data() / "truth.json"), truth);
  // Cut off before the new files had their names.
  fs::remove(data() / "truth.json");
  fs::remove(data() / kGenes);
  EXPECT_EQ(run_program("engram-genes", {"simulate", "--patients", "300", "--gene-count", "60", "--out", data()}).code,
            0);
  io::write_file(data() / "mine.txt", "keep");
  fs::remove(data() / "truth.json");
  expect_error({"simulate", "--force", "--out", data()}, 2, {"with other files and no truth.json"});
}

TEST_F(Genes, ATableMayGoToStandardOutput) {
  for (const char* name : {"-", "/dev/stdout"}) {
    const ProgramResult run = run_program("engram-genes", {"fit-cox", "--data", data(), "--main", "G1", "--out", name});
    ASSERT_EQ(run.code, 0) << run.err;
    EXPECT_TRUE(run.out.starts_with("term,coefficient,se")) << run.out;
    EXPECT_EQ(run.out.find("concordance"), std::string::npos) << run.out;
    EXPECT_NE(run.err.find("concordance"), std::string::npos) << run.err;
  }
  EXPECT_EQ(run_program("engram-genes", {"fit-cox", "--data", data(), "--main", "G1", "--out", "/dev/null"}).code, 0);
}

/// Rows of a table of coefficients by term.
std::map<std::string, std::map<std::string, std::string>> terms_of(const fs::path& file) {
  const io::CsvTable table = io::parse_csv(io::read_file(file), "table");
  std::map<std::string, std::map<std::string, std::string>> terms;
  for (const auto& row : table.rows)
    for (std::size_t c = 1; c < row.size(); ++c) terms[row[0]][table.header[c]] = row[c];
  return terms;
}

/// engram-genes fit-cox on one of the stored cases, against R's coefficients and errors.
void expect_fit_of_r(const std::string& name, std::vector<std::string> options, const std::string& errors) {
  const fs::path golden = testing::golden_path("survival");
  const TempFolder folder;
  std::vector<std::string> arguments = {"fit-cox", "--data", golden / "cases" / (name + ".csv"),
                                        "--event", "status", "--treatment",
                                        "",        "--out",  folder / "table.csv"};
  arguments.insert(arguments.end(), options.begin(), options.end());
  const ProgramResult run = run_program("engram-genes", arguments);
  ASSERT_EQ(run.code, 0) << name << run.err;
  EXPECT_NE(run.out.find("converged: yes"), std::string::npos) << run.out;
  const nlohmann::json json = nlohmann::json::parse(file_text(golden / "golden" / ("cox_" + name + "_efron.json")));
  auto terms = terms_of(folder / "table.csv");
  ASSERT_EQ(terms.size(), json["coef"].size());
  for (std::size_t j = 0; j < terms.size(); ++j) {
    const std::string term = json["covariates"][j];
    EXPECT_NEAR(std::stod(terms[term]["coefficient"]), json["coef"][j].get<double>(), 1e-6) << name << term;
    EXPECT_NEAR(std::stod(terms[term]["se"]), json[errors][j].get<double>(), 1e-6) << name << term;
  }
}

/// The cohort of a folder in one file, with a column of entries: a third of the patients are observed from 0.001 on.
std::string with_entries(const fs::path& data) {
  std::map<std::string, std::string> lines;
  std::string header = "id";
  for (const char* file : {kClinical, kGenes, kTreatment, kSurvival}) {
    const io::CsvTable table = io::parse_csv(io::read_file(data / file), file);
    for (std::size_t c = 1; c < table.header.size(); ++c) header += "," + table.header[c];
    for (const auto& row : table.rows)
      for (std::size_t c = 1; c < row.size(); ++c) lines[row[0]] += "," + row[c];
  }
  std::string text = header + ",entry\n";
  int k = 0;
  for (const auto& [id, line] : lines) text += id + line + (++k % 3 == 0 ? ",0.001\n" : ",-9\n");
  return text;
}

// A cohort in one file whose patients are observed from an entry on.
TEST_F(Genes, SelectTakesEntryTimes) {
  io::write_file(folder_ / "cohort.csv", with_entries(data()));
  std::vector<std::string> arguments = quick_select(run_folder());
  arguments[2] = folder_ / "cohort.csv";
  arguments.insert(arguments.end(), {"--index", "id", "--entry", "entry", "--clinical", "Var*"});
  const ProgramResult run = run_program("engram-genes", arguments);
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_EQ(nlohmann::json::parse(file_text(run_folder() / "selection.json"))["genes"].size(), 10u);
  fs::remove_all(run_folder());
  arguments.insert(arguments.end(), {"--device", "emu"});
  expect_error(arguments, 2, {"--device: expected cpu with --entry", "got emu"});
}

// Entries that matter: each gene's row is what the fit of that gene's model says.
TEST_F(Genes, AScreenWithEntriesIsTheFitOfEachGene) {
  std::string table = "id,begin,end,status,Treatment,age,GA,GB\n";
  for (int i = 0; i < 120; ++i) {
    const double end = 1 + double((i * 37) % 101) + 0.25 * (i % 3), begin = i % 2 == 0 ? 0 : 0.6 * end;
    table += "p" + std::to_string(i) + "," + std::to_string(begin) + "," + std::to_string(end) + "," +
             std::to_string(i % 5 != 4) + "," + std::to_string((i * 7) % 11 < 5) + "," + std::to_string((i * 13) % 17) +
             "," + std::to_string((i * 29) % 13 < 5) + "," + std::to_string((i * 31) % 7 < 3) + "\n";
  }
  io::write_file(folder_ / "late.csv", table);
  const std::vector<std::string> data = {
      "--data", folder_ / "late.csv", "--index", "id", "--time", "end", "--event", "status", "--entry",
      "begin",  "--clinical",         "age"};
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), data.begin(), data.end());
    return run_program("engram-genes", arguments);
  };
  for (const bool hazard : {true, false}) {
    const fs::path out = folder_ / (hazard ? "C" : "AFT");
    const ProgramResult screen = run(
        {"screen", "--model", hazard ? "C" : "AFT", "--replicates", "100", "--genes", "G*", "--out", out, "--quiet"});
    ASSERT_EQ(screen.code, 0) << screen.err;
    auto rows = terms_of(out / "screen.csv");
    for (const std::string gene : {"GA", "GB"}) {
      const ProgramResult fit =
          run({hazard ? "fit-cox" : "fit-aft", "--main", gene, "--product", gene, "--out", folder_ / "fit.csv"});
      ASSERT_EQ(fit.code, 0) << fit.err;
      auto terms = terms_of(folder_ / "fit.csv");
      const auto product = std::ranges::find_if(
          terms, [&](const auto& t) { return t.first.find(gene) != std::string::npos && t.first != gene; });
      ASSERT_NE(product, terms.end());
      const auto row = std::ranges::find_if(rows, [&](auto& r) { return r.second["gene"] == gene; });
      ASSERT_NE(row, rows.end());
      EXPECT_NEAR(std::stod(row->second["effect"]), std::stod(product->second["coefficient"]), 1e-6) << gene;
      EXPECT_NEAR(std::stod(row->second["se"]), std::stod(product->second["se"]), 1e-6) << gene;
    }
  }
  expect_error({"screen", "--data", folder_ / "late.csv", "--model", "OS", "--entry", "begin", "--out", folder_ / "OS"},
               2, {"--model: expected A, B, C, TA or AFT with --entry, got OS"});
  expect_error(
      {"screen", "--data", folder_ / "late.csv", "--entry", "begin", "--device", "emu", "--out", folder_ / "E"}, 2,
      {"--device: expected cpu with --entry", "got emu"});
}

TEST_F(Genes, DevicesAreRefusedWhereTheyDoNotHelp) {
  const std::vector<std::string> screen = {"screen", "--data", data(), "--out", run_folder(), "--device", "cuda:99"};
  expect_error(screen, 4, {"[device]", "cuda"});
  std::vector<std::string> robust = screen;
  robust.push_back("--robust");
  expect_error(robust, 2, {"--device: expected cpu with --robust", "got cuda:99"});
  expect_select_error(2, {"--device: expected cpu with --mode team-intended"},
                      {"--device", "cuda:99", "--mode", "team-intended"});
}

TEST(GenesFits, StartStopDataStrataAndClustersAsR) {
  expect_fit_of_r("heart_startstop", {"--entry", "start", "--clinical", "age,year,surgery,transplant"}, "se");
  expect_fit_of_r("veteran_strata", {"--strata", "strat", "--clinical", "trt,karno,age"}, "se");
  expect_fit_of_r("diabetic_cluster", {"--cluster", "id", "--clinical", "trt,juv,trt_x_juv"}, "robust_se");
}

TEST(GenesFits, RatiosBeyondADoubleLeaveNoInfinityInATable) {
  const TempFolder folder;
  std::string text = "id,time,event,x,almost_x\n";
  for (int i = 0; i < 60; ++i) {
    const int x = (i * 29) % 31;
    text += message("p", i, ",", 5 + (i * 37) % 101, ",", i % 4 != 0, ",", x, ",", x, ".0000", (i * 53) % 97 + 1, "\n");
  }
  io::write_file(folder / "in.csv", text);
  const ProgramResult run =
      run_program("engram-genes", {"fit-cox", "--data", folder / "in.csv", "--index", "id", "--treatment", "",
                                   "--clinical", "x,almost_x", "--out", folder / "out.csv"});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.out.find(">1e308"), std::string::npos) << run.out;
  EXPECT_EQ(file_text(folder / "out.csv").find("inf"), std::string::npos) << file_text(folder / "out.csv");
}

TEST(GenesFits, CodedWordsGiveTheFitOfZerosAndOnes) {
  const TempFolder folder;
  std::string plain = "id,time,status,arm,sex,age,TP53\n", coded = plain;
  for (int i = 0; i < 60; ++i) {
    const bool event = i % 3 != 0, arm = i % 2 == 0, sex = i % 5 < 2, gene = i % 7 < 3;
    const std::string id = "p" + std::to_string(i) + "," + std::to_string(5 + (i * 37) % 101) + ",";
    const std::string age = std::to_string(40 + (i * 13) % 30);
    plain += id + (event ? "1," : "0,") + (arm ? "1," : "0,") + (sex ? "1," : "0,") + age + (gene ? ",1\n" : ",0\n");
    coded +=
        id + (event ? "2," : "1,") + (arm ? "new," : "old,") + (sex ? "F," : "M,") + age + (gene ? ",yes\n" : ",no\n");
  }
  io::write_file(folder / "plain.csv", plain + "\n");
  io::write_file(folder / "coded.csv", coded);
  for (const char* command : {"fit-cox", "fit-aft"}) {
    const auto fit = [&](const char* file, const std::string& codings, const fs::path& out) {
      std::vector<std::string> arguments = {
          command,      "--data",  folder / file, "--index", "id",        "--event", "status", "--treatment", "arm",
          "--clinical", "sex,age", "--main",      "TP53",    "--product", "TP53",    "--out",  folder / out};
      if (!codings.empty()) arguments.insert(arguments.end(), {"--coding", codings});
      return run_program("engram-genes", arguments);
    };
    const ProgramResult zeros = fit("plain.csv", "", "plain_table.csv");
    const ProgramResult words = fit("coded.csv", "status=2/1,arm=new/old,sex=F/M,TP*=yes/no", "coded_table.csv");
    ASSERT_EQ(zeros.code, 0) << zeros.err;
    ASSERT_EQ(words.code, 0) << words.err;
    EXPECT_EQ(file_text(folder / "plain_table.csv"), file_text(folder / "coded_table.csv"));
    auto arm = terms_of(folder / "plain_table.csv")["arm"];  // the treatment by its own name
    const std::string ratio = command == std::string("fit-cox") ? "hazard_ratio" : "time_ratio";
    const double effect = std::stod(arm["coefficient"]), se = std::stod(arm["se"]);
    EXPECT_NEAR(std::stod(arm[ratio]), std::exp(effect), 1e-9);
    EXPECT_NEAR(std::stod(arm["lower_95"]), std::exp(effect - 1.959964 * se), 1e-5);
    EXPECT_NEAR(std::stod(arm["upper_95"]), std::exp(effect + 1.959964 * se), 1e-5);
    EXPECT_NEAR(std::stod(arm["p"]), std::erfc(std::abs(effect / se) / std::sqrt(2.)), 1e-9);
    EXPECT_NE(words.out.find(command == std::string("fit-cox") ? "hazard ratio (95 %)" : "time ratio (95 %)"),
              std::string::npos);
    const ProgramResult wrong = fit("coded.csv", "status=2/1,arm=new/other,sex=F/M,TP*=yes/no", "x.csv");
    EXPECT_EQ(wrong.code, 3);
    EXPECT_NE(wrong.err.find("row 1 (line 3), column \"arm\": expected \"new\" or \"other\", got \"old\""),
              std::string::npos)
        << wrong.err;
    EXPECT_EQ(fit("coded.csv", "status=2", "x.csv").code, 2);
    EXPECT_EQ(fit("plain.csv", "nothing=a/b", "x.csv").code, 2);
  }
}

TEST(GenesFits, SayWhatHasNoEstimate) {
  const TempFolder folder;
  std::string determined = "id,time,event,Treatment,x1\n", rare = "id,time,event,Treatment,G\n";
  for (int i = 0; i < 12; ++i)
    determined += "p" + std::to_string(i) + (i % 2 ? ",8,1,1," : ",5,1,0,") + std::to_string(i * i % 11) + "\n";
  for (int i = 0; i < 60; ++i)
    rare += "p" + std::to_string(i) + "," + std::to_string(1 + i * 7 % 60) + ",1," + std::to_string(i % 2) +
            (i < 4 ? ",1\n" : ",0\n");
  io::write_file(folder / "determined.csv", determined);
  io::write_file(folder / "rare.csv", rare);
  for (const char* law : {"weibull", "lognormal", "loglogistic"}) {
    const ProgramResult run = run_program("engram-genes", {"fit-aft", "--data", folder / "determined.csv", "--index",
                                                           "id", "--clinical", "x1", "--distribution", law});
    EXPECT_EQ(run.code, 0) << run.err;
    for (const char* words : {"converged: no", "infinite", "no_maximum"})
      EXPECT_NE(run.out.find(words), std::string::npos) << words << run.out;
  }
  const ProgramResult few = run_program(
      "engram-genes", {"fit-cox", "--data", folder / "rare.csv", "--index", "id", "--main", "G", "--product", "G"});
  EXPECT_EQ(few.code, 0) << few.err;
  EXPECT_NE(few.out.find("few"), std::string::npos) << few.out;
}

TEST_F(Genes, RobustScreensAreTheFitsOfEachGene) {
  const ProgramResult run = run_program(
      "engram-genes", {"screen", "--data", data(), "--model", "C", "--robust", "--out", run_folder(), "--quiet"});
  ASSERT_EQ(run.code, 0) << run.err;
  const io::CsvTable screen = io::parse_csv(io::read_file(run_folder() / "screen.csv"), "screen");
  ASSERT_EQ(screen.rows.size(), 60u);
  const std::string gene = screen.rows[0][1];
  const ProgramResult fit = run_program("engram-genes", {"fit-cox", "--data", data(), "--main", gene, "--product", gene,
                                                         "--robust", "--out", folder_ / "table.csv"});
  ASSERT_EQ(fit.code, 0) << fit.err;
  auto product = terms_of(folder_ / "table.csv")[gene + " x Treatment"];
  const auto best = [&](const char* column) {
    return screen.rows[0][std::size_t(std::ranges::find(screen.header, column) - screen.header.begin())];
  };
  EXPECT_EQ(best("effect"), product["coefficient"]);
  EXPECT_EQ(best("se"), product["se"]);
  fs::remove_all(run_folder());
  const ProgramResult strata = run_program("engram-genes", {"screen", "--data", data(), "--model", "B",
                                                            "--stratify-treatment", "--out", run_folder(), "--quiet"});
  EXPECT_EQ(strata.code, 0) << strata.err;
  fs::remove_all(run_folder());
  expect_error({"screen", "--data", data(), "--model", "S1", "--robust", "--out", run_folder()}, 2, {"--model", "S1"});
  expect_error({"screen", "--data", data(), "--cluster", "id", "--out", run_folder()}, 2, {"--cluster", "folder"});
}

TEST_F(Genes, NamesWithControlCharactersDoNotReachTheTerminal) {
  edit(kGenes, [](std::size_t row, std::vector<std::string>& cells) {
    if (row == 0) cells[1] = "\x1b[31mG1", cells[2] = "=2+3";
  });
  const ProgramResult fit =
      run_program("engram-genes", {"fit-cox", "--data", data(), "--main", "*", "--out", folder_ / "table.csv"});
  EXPECT_EQ(fit.code, 0) << fit.err;
  EXPECT_EQ(fit.out.find('\x1b'), std::string::npos);
  EXPECT_NE(fit.out.find("?[31mG1"), std::string::npos);
  EXPECT_EQ(terms_of(folder_ / "table.csv").count("'=2+3"), 1u);
}

TEST_F(Genes, RefusesPatientsThatDoNotMatch) {
  edit(kTreatment, [](std::size_t row, auto& cells) {
    if (row == 8) cells[0] = "900";
  });
  expect_select_error(3, {"Treatment.csv", "900"});
}

TEST_F(Genes, NamesRowAndColumnOfABadCell) {
  edit(kClinical, [](std::size_t row, auto& cells) {
    if (row == 5) cells[3] = "";
  });
  expect_select_error(3, {"Clinical_Variables.csv", "Var3", "row 4"});
  edit(kClinical, [](std::size_t row, auto& cells) {
    if (row == 5) cells[3] = "high";
  });
  expect_select_error(3, {"Clinical_Variables.csv", "Var3", "row 4", "high"});
  edit(kClinical, [](std::size_t row, auto& cells) {
    if (row == 5) cells[3] = "2";
  });
  edit(kGenes, [](std::size_t row, auto& cells) {
    if (row == 7) cells[2] = "2";
  });
  expect_select_error(3, {"Genetic_alterations.csv", "G2", "row 6"});
}

TEST_F(Genes, RefusesDataWithoutAQuestion) {
  edit(kSurvival, [](std::size_t row, auto& cells) {
    if (row > 0) cells[2] = "0";
  });
  expect_select_error(3, {"expected deaths, got none"});
  simulate();
  edit(kTreatment, [](std::size_t row, auto& cells) {
    if (row > 0) cells[1] = "1";
  });
  expect_select_error(3, {"everybody treated"});
}

TEST_F(Genes, ScreenRefusesDataWithoutAQuestionToo) {
  const std::vector<std::string> screen = {"screen", "--data", data(), "--out", run_folder()};
  edit(kTreatment, [](std::size_t row, auto& cells) {
    if (row > 0) cells[1] = "0";
  });
  expect_error(screen, 3, {"nobody treated"});
  edit(kSurvival, [](std::size_t row, auto& cells) {
    if (row > 0) cells[2] = "0";
  });
  expect_error({"screen", "--data", data(), "--out", run_folder(), "--model", "A"}, 3, {"at least one death"});
}

TEST_F(Genes, RefusesTimesThatAreAllNegative) {
  edit(kSurvival, [](std::size_t row, auto& cells) {
    if (row > 0) cells[1] = "-" + cells[1];
  });
  expect_select_error(3, {"times above 0", "got none"});
  expect_error({"fit-aft", "--data", data()}, 3, {"times above 0"});
}

TEST_F(Genes, WorksWithATreatmentThatOneClinicalVariableDecides) {
  const io::CsvTable treatment = io::parse_csv(io::read_file(data() / kTreatment), kTreatment);
  edit(kClinical, [&](std::size_t row, auto& cells) {
    if (row > 0) cells[1] = treatment.rows[row - 1][1];
  });
  expect_select_works();
}

TEST_F(Genes, RefusesRepeatedColumns) {
  edit(kGenes, [](std::size_t row, auto& cells) {
    if (row == 0) cells[4] = "G1";
  });
  expect_select_error(3, {"Genetic_alterations.csv", "G1"});
}

TEST_F(Genes, RefusesMoreThanTheMemory) {
  expect_select_error(4, {"fit into 1048 bytes"}, {"--memory-limit", "0.001"});
}

TEST_F(Genes, WorksAroundGenesWithoutInformation) {
  edit(kGenes, [](std::size_t row, auto& cells) {
    if (row == 0) return;
    cells[1] = "0";       // nobody
    cells[2] = "1";       // everybody
    cells[3] = cells[4];  // the same carriers as the next
  });
  const std::string notes = expect_select_works();
  for (const char* gene : {"G1", "G2", "G3"}) EXPECT_NE(notes.find(gene), std::string::npos) << notes;
}

TEST_F(Genes, SurvivesPerfectSeparation) {
  // Everybody who carries G1 and was treated is alive at the latest times.
  const io::CsvTable treatment = io::parse_csv(io::read_file(data() / kTreatment), kTreatment),
                     genes = io::parse_csv(io::read_file(data() / kGenes), kGenes);
  edit(kSurvival, [&](std::size_t row, auto& cells) {
    if (row == 0 || treatment.rows[row - 1][1] != "1" || genes.rows[row - 1][1] != "1") return;
    cells[1] = "500";
    cells[2] = "0";
  });
  expect_select_works();
}

TEST_F(Genes, ReportsNegativeTimesAndKeepsThem) {
  edit(kSurvival, [](std::size_t row, auto& cells) {
    if (row != 3) return;
    cells[1] = "-2.5";
    cells[2] = "0";
  });
  EXPECT_NE(expect_select_works().find("row 2"), std::string::npos);
}

TEST_F(Genes, NamesWhatIsWrongWithTheOptions) {
  expect_error({}, 2, {"expected a command"});
  expect_error({"selcet"}, 2, {"'selcet'", "select"});
  expect_error({"select"}, 2, {"--out"});
  expect_error({"select", "--out", run_folder()}, 2, {"--data"});
  expect_select_error(2, {"fitness", "f9"}, {"--fitness", "f9"});
  expect_select_error(2, {"mode"}, {"--mode", "team"});
  expect_select_error(2, {"filter"}, {"--filter", "200"});
  expect_error({"select", "--data", folder_ / "nowhere", "--out", run_folder()}, 3, {"nowhere"});
  expect_error({"evaluate", "--out", run_folder()}, 2, {"--scenarios", "--data"});
  expect_error({"evaluate", "--scenarios", "Q", "--out", run_folder()}, 2, {"Q"});
  expect_error({"simulate", "--out", data()}, 2, {"cohort", "--force"});
  expect_error({"simulate", "--gene-count", "5", "--out", run_folder()}, 2, {"genes"});
}

TEST(GenesHelp, ListsTheCommands) {
  const ProgramResult run = run_program("engram-genes", {"--help"});
  EXPECT_EQ(run.code, 0);
  for (const char* command : {"select", "screen", "simulate", "evaluate", "fit-cox", "fit-aft", "lasso"})
    EXPECT_NE(run.out.find(command), std::string::npos) << command;
  EXPECT_NE(run_program("engram-genes", {"select", "--help"}).out.find("Usage: engram-genes select"),
            std::string::npos);
  EXPECT_NE(run_program("engram-genes", {"--version"}).out.find("engram-genes"), std::string::npos);
}

}  // namespace
}  // namespace engram::test
