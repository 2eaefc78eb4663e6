/// The commands that docs/genes.md shows for one CSV file, as they are printed there.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "engine/io/atomic_file.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram::test {
namespace {

namespace fs = std::filesystem;

/// The code blocks of a section of a Markdown page, one after the other.
std::string code_of(const std::string& page, const std::string& section) {
  const std::size_t begin = page.find("## " + section), end = page.find("\n## ", begin);
  const std::string text = page.substr(begin, end - begin), fence = "```\n";
  std::string code;
  for (std::size_t at = text.find(fence); at != std::string::npos;) {
    const std::size_t from = at + fence.size(), to = text.find(fence, from);
    code += text.substr(from, to - from);
    at = text.find(fence, to + fence.size());
  }
  return code;
}

/// What is a command or a variable, not a file's lines.
std::string commands_of(const std::string& code) {
  std::string script;
  bool continues = false;
  for (std::size_t at = 0; at < code.size();) {
    const std::size_t end = code.find('\n', at) + 1;
    const std::string line = code.substr(at, end - at);
    at = end;
    if (continues || line.starts_with("engram-") || line.starts_with("C=") || line.starts_with("W=")) script += line;
    continues = line.ends_with("\\\n");
  }
  return script;
}

TEST(GenesDocs, EveryCommandOnOneCsvFileWorksAsPrinted) {
  const TempFolder folder;
  const fs::path source = ENGRAM_SOURCE_DIR;
  for (const char* part : {"docs", "tests"}) fs::create_directory_symlink(source / part, folder / part);
  const std::string page = file_text(source / "docs/genes.md");
  const std::string script = commands_of(code_of(page, "One CSV file, and single models"));
  for (const char* command : {"fit-cox", "fit-aft", "lasso", "screen", "select"})
    EXPECT_NE(script.find("engram-genes " + std::string(command) + " $C $W"), std::string::npos) << command;
  const std::string trial = file_text(source / "docs/examples/trial.csv");
  EXPECT_NE(page.find(trial.substr(0, trial.find("\np3,"))), std::string::npos);
  io::write_file(folder / "script",
                 "set -e\ncd '" + folder.path().string() + "'\nPATH='" + ENGRAM_BIN_DIR + "':$PATH\n" + script);
  EXPECT_EQ(
      std::system(("bash '" + (folder / "script").string() + "' > '" + (folder / "log").string() + "' 2>&1").c_str()),
      0)
      << script << file_text(folder / "log");
  for (const char* result : {"table.csv", "TRIAL_SCREENED/screen.csv", "TRIAL_SELECTED/selected_genes.csv"})
    EXPECT_TRUE(fs::exists(folder / result)) << result;
}

// Two genes: the strong one's interval after the selection is about the model's, however often the selection was
// repeated, and has more to allow for and not less.
TEST(GenesDocs, AnIntervalAfterSelectionOfTwoGenesIsAboutTheModels) {
  const TempFolder folder;
  const fs::path trial = fs::path(ENGRAM_SOURCE_DIR) / "docs/examples/trial.csv";
  std::vector<std::vector<double>> intervals;
  for (const char* reselections : {"1", "3"}) {
    const ProgramResult run = run_program("engram-genes", {"select",
                                                           "--data",
                                                           trial,
                                                           "--index",
                                                           "id",
                                                           "--time",
                                                           "months",
                                                           "--event",
                                                           "status",
                                                           "--treatment",
                                                           "arm",
                                                           "--clinical",
                                                           "sex,age",
                                                           "--genes",
                                                           "TP53,KRAS",
                                                           "--coding",
                                                           "status=2/1,arm=new/old,sex=F/M,TP53=yes/no,KRAS=yes/no",
                                                           "--splits",
                                                           "0",
                                                           "--controls",
                                                           "0",
                                                           "--seeds",
                                                           "1",
                                                           "--permutations",
                                                           "99",
                                                           "--reselections",
                                                           reselections,
                                                           "--out",
                                                           folder / reselections,
                                                           "--quiet"});
    ASSERT_EQ(run.code, 0) << run.err;
    const nlohmann::json gene = nlohmann::json::parse(file_text(folder / reselections / "selection.json"))["genes"][0];
    ASSERT_EQ(gene["gene"], "TP53");
    const double effect = gene["effect"], error = gene["se"];
    intervals.push_back({gene["selective_effect"], gene["selective_lower95"], gene["selective_upper95"]});
    EXPECT_NEAR(intervals.back()[0], effect, 0.7 * error);
    EXPECT_NEAR(intervals.back()[1], effect - 1.96 * error, error);
    EXPECT_NEAR(intervals.back()[2], effect + 1.96 * error, error);
  }
  for (const int k : {0, 1, 2}) EXPECT_NEAR(intervals[0][std::size_t(k)], intervals[1][std::size_t(k)], 0.01);
}

}  // namespace
}  // namespace engram::test
