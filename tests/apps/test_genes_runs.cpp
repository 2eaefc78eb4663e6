/// Runs of engram-genes as a user starts them: select, screen, simulate, evaluate; their tables, and going on.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "kernels/common/error.h"
#include "tests/apps/genes_cohort.h"

namespace engram::test {
namespace {

namespace fs = std::filesystem;

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
TEST_F(Genes, ACohortOfOneGeneIsSpokenOfInTheSingular) {
  edit(kGenes, [](std::size_t, std::vector<std::string>& cells) { cells.resize(2); });
  const ProgramResult run = run_program("engram-genes", quick_select(run_folder()));
  ASSERT_EQ(run.code, 0) << run.err;
  const std::string page = file_text(run_folder() / "report.html");
  EXPECT_NE(page.find("Of 1 gene, 1 is listed: the one with which"), std::string::npos) << page.substr(0, 6000);
  EXPECT_EQ(page.find("1 genes"), std::string::npos);
}

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
  // No search ran: no panel for their progress.
  EXPECT_EQ(file_text(run_folder() / "report.html").find("Best fitness of the searches"), std::string::npos);
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
  const ProgramResult run = run_program(
      "engram-genes", {"evaluate", "--scenarios", "R", "--cohorts", std::to_string(engram::testing::sample_size(2, 1)),
                       "--methods", "cox-forward,univariate-cox", "--folds", "2", "--out", run_folder(), "--quiet"});
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

TEST_F(Genes, DevicesAreRefusedWhereTheyDoNotHelp) {
  const std::vector<std::string> screen = {"screen", "--data", data(), "--out", run_folder(), "--device", "cuda:99"};
  expect_error(screen, 4, {"[device]", "cuda"});
  std::vector<std::string> robust = screen;
  robust.push_back("--robust");
  expect_error(robust, 2, {"--device: expected cpu with --robust", "got cuda:99"});
  expect_select_error(2, {"--device: expected cpu with --mode team-intended"},
                      {"--device", "cuda:99", "--mode", "team-intended"});
}

}  // namespace
}  // namespace engram::test
