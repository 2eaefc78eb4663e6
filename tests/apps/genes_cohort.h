#pragma once
/// A small simulated cohort in files, for tests of engram-genes as a user runs it.

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "engine/io/atomic_file.h"
#include "engine/io/csv.h"
#include "tests/support/run_program.h"
#include "tests/support/sanitized.h"
#include "tests/support/tag_balance.h"
#include "tests/support/temp_folder.h"

namespace engram::test {

inline constexpr const char* kSurvival = "Survival_time_event.csv";
inline constexpr const char* kGenes = "Genetic_alterations.csv";
inline constexpr const char* kClinical = "Clinical_Variables.csv";
inline constexpr const char* kTreatment = "Treatment.csv";

/// A small simulated cohort in files.
class Genes : public ::testing::Test {
 protected:
  void SetUp() override { simulate(); }

  void simulate() {
    std::filesystem::remove_all(data());
    const ProgramResult run = run_program("engram-genes", {"simulate", "--scenario", "H", "--patients", "300",
                                                           "--gene-count", "60", "--seed", "4", "--out", data()});
    ASSERT_EQ(run.code, 0) << run.err;
  }

  std::filesystem::path data() const { return folder_ / "cohort"; }
  std::filesystem::path run_folder() const { return folder_ / "run"; }

  std::vector<std::string> quick_select(const std::filesystem::path& out) const {
    const auto count = [](int usual, int fewer) { return std::to_string(engram::testing::sample_size(usual, fewer)); };
    return {"select", "--data",         data(),         "--out",          out,         "--seeds",
            "2",      "--evaluations",  count(200, 60), "--splits",       count(2, 1), "--controls",
            "1",      "--permutations", count(50, 20),  "--reselections", count(2, 1), "--quiet"};
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
    EXPECT_FALSE(std::filesystem::exists(run_folder()));
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
    std::filesystem::remove_all(run_folder());
    return run.err;
  }

  TempFolder folder_;
};

}  // namespace engram::test
