/// Single models of engram-genes against R, and the screens that are such fits, gene by gene.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "kernels/common/error.h"
#include "tests/apps/genes_cohort.h"
#include "tests/support/golden.h"

namespace engram::test {
namespace {

namespace fs = std::filesystem;

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
  EXPECT_EQ(terms_of(folder_ / "table.csv").count("?[31mG1"), 1u);
  const ProgramResult shown = run_program("engram-genes", {"fit-cox", "--data", data(), "--main", "*", "--out", "-"});
  EXPECT_EQ(shown.out.find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace engram::test
