/// Bad input of engram-genes as one line with its exit code, and awkward input that it works with.

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/common/error.h"
#include "tests/apps/genes_cohort.h"

namespace engram::test {
namespace {

namespace fs = std::filesystem;

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

TEST_F(Genes, SimulateRefusesPlacesThatAreNoFolder) {
  io::write_file(folder_ / "file", "x");
  fs::create_symlink(folder_ / "nowhere", folder_ / "link");
  const auto refuse = [&](const fs::path& out, int code, const std::string& words) {
    expect_error({"simulate", "--out", out}, code, {words});
    expect_error({"simulate", "--out", out, "--force"}, code, {words});
  };
  refuse(folder_ / "file", 2, "--out: expected a folder to create, got the existing file ");
  refuse("/dev/null", 2, "got the existing file /dev/null");
  refuse(folder_ / "link", 2, "to a place where nothing is");
  refuse("-", 2, "which means standard output");
  refuse(folder_ / "file" / "below", 3, "--out: cannot create ");
  refuse(folder_ / std::string(300, 'a'), 3, "--out: cannot look up ");
  EXPECT_EQ(file_text(folder_ / "file"), "x");
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
