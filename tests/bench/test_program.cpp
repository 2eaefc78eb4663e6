/// engram-bench as a user runs it: results, exit codes, one line for bad input.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "bench/engram_bench/results.h"
#include "tests/bench/sample_results.h"
#include "tests/support/program.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

test::ProgramResult bench_program(const std::vector<std::string>& words) {
  return test::run_program("engram-bench", words);
}

/// Expects that exit code, one line of `words` on standard error, and nothing on standard output.
void refuses(int code, const std::string& words, const std::vector<std::string>& arguments) {
  const test::ProgramResult result = bench_program(arguments);
  EXPECT_EQ(result.code, code) << result.err;
  EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
  EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
  EXPECT_EQ(result.out, "");
}

std::vector<std::string> quick(std::vector<std::string> words) {
  const std::vector<std::string> more = {"--scale", "1", "--repeat", "2", "--sample-ms", "0", "--threads", "1"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

class BenchProgram : public ::testing::Test {
 protected:
  fs::path write(const std::string& name, const bench::Results& results) const {
    std::ofstream(folder_ / name) << bench::results_json(results);
    return folder_ / name;
  }
  test::TempFolder folder_;
};

TEST_F(BenchProgram, ListsCasesByFamily) {
  const test::ProgramResult all = bench_program({"list"}), one = bench_program({"list", "batch_norm"});
  EXPECT_EQ(all.code, 0) << all.err;
  EXPECT_NE(all.out.find("optim_step/"), std::string::npos);
  EXPECT_EQ(one.out.find("optim_step/"), std::string::npos);
  EXPECT_EQ(one.out.find("batch_norm/"), 0u) << one.out;
}

TEST_F(BenchProgram, RunsAndWritesWhatItMeasured) {
  const fs::path out = folder_ / "out.json";
  const test::ProgramResult result = bench_program(quick({"run", "channel_scale", "--out", out}));
  ASSERT_EQ(result.code, 0) << result.err;
  const bench::Results results = bench::read_results(out);
  ASSERT_FALSE(results.rows.empty());
  for (const bench::Row& row : results.rows) {
    EXPECT_EQ(row.family(), "channel_scale");
    EXPECT_EQ(row.seconds.size(), 2u);
    EXPECT_GT(row.copy_seconds, 0);
    EXPECT_NE(result.out.find(row.name), std::string::npos) << result.out;
    const bool why_not = result.out.find("\nno instructions by hardware counters (") != std::string::npos;
    EXPECT_TRUE(row.hardware.known() || why_not) << result.out;
  }
  EXPECT_NE(results.build.commit, "");
  EXPECT_NE(results.machine.processor, "");
  EXPECT_GT(results.roofline.flops_per_s, 0);
  EXPECT_EQ(results.conditions.threads, 1);
  EXPECT_NE(result.out.find(results.conditions.is_quiet() ? "\nquiet" : "\nNOT QUIET"), std::string::npos);
}

TEST_F(BenchProgram, TypicalSizesAreInTheOrderOfTheDevice) {
  const auto has = [](const std::vector<std::string>& words, const std::string& name) {
    std::vector<std::string> list = {"list", "--size", "typical"};
    list.insert(list.end(), words.begin(), words.end());
    return bench_program(list).out.find(name) != std::string::npos;
  };
  EXPECT_TRUE(has({"attention_map"}, "16x32x32 block 16,"));
  EXPECT_TRUE(has({"attention_map", "--order", "planar"}, "16x32x32 block 1,"));
  EXPECT_TRUE(has({"attention_map", "--device", "cuda"}, "32x16x16 block 32,"));
  // Libraries where they run, and what the CPU alone has.
  EXPECT_TRUE(has({}, "conv2d/fprop"));
  EXPECT_TRUE(has({"--device", "cuda"}, "conv2d/fprop"));
  EXPECT_FALSE(has({"--device", "emu"}, "conv2d/fprop"));
  EXPECT_TRUE(has({}, "symmetric_eigen/eigen 512"));
  EXPECT_FALSE(has({"--device", "cuda"}, "symmetric_eigen/eigen"));
}

TEST_F(BenchProgram, NamesTheAlgorithmOfAConvolution) {
  const fs::path out = folder_ / "out.json";
  const test::ProgramResult result = bench_program(quick(
      {"run", "conv2d", "--size", "typical", "--shape", "8x64x8x8 block 16 to 64,", "--isa", "avx2", "--out", out}));
  ASSERT_EQ(result.code, 0) << result.err;
  const bench::Results results = bench::read_results(out);
  EXPECT_EQ(results.rows.size(), 8u);  // three passes by two rules, two with kept weights
  for (const bench::Row& row : results.rows) EXPECT_NE(row.plan, "") << row.name;
  EXPECT_NE(results.machine.kernel_isa, "AVX-512");
}

TEST_F(BenchProgram, RunsOnTheEmulatedDevice) {
  const test::ProgramResult result = bench_program(quick({"run", "channel_scale/forward", "--device", "emu"}));
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.out.find("channel_scale/forward"), std::string::npos);
}

TEST_F(BenchProgram, ComparesTwoBuildsInTurns) {
  const fs::path build = fs::path(ENGRAM_BIN_DIR).parent_path(), saved = folder_ / "saved";
  const test::ProgramResult result = bench_program(
      quick({"compare", build, build, "channel_scale/forward", "--rounds", "2", "--save", saved, "--device", "cpu"}));
  EXPECT_EQ(result.code, 0) << result.err << result.out;
  EXPECT_NE(result.out.find("in turns"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("unknown"), std::string::npos);  // two pairs show nothing
  // The saved files are the same comparison.
  const test::ProgramResult again = bench_program({"compare", saved / "old.json", saved / "new.json"});
  EXPECT_EQ(again.out.substr(0, again.out.find("the machine")), result.out.substr(0, result.out.find("the machine")));
}

TEST_F(BenchProgram, ComparesFilesAndSaysWhatIsWorse) {
  bench::Results results = sample_results();
  const fs::path a = write("a.json", results);
  EXPECT_EQ(bench_program({"compare", a, a}).code, 0);
  results.rows[0].counts["launches"] = 4;
  const test::ProgramResult counted = bench_program({"compare", a, write("b.json", results)});
  EXPECT_EQ(counted.code, 1);
  EXPECT_NE(counted.out.find("launches: was 3, is 4"), std::string::npos) << counted.out;
  results.rows[0].name = "batch_norm/evaluate";
  const test::ProgramResult renamed = bench_program({"compare", a, write("c.json", results)});
  EXPECT_EQ(renamed.code, 1);
  EXPECT_NE(renamed.out.find("batch_norm/eval: expected in both"), std::string::npos) << renamed.out;
}

TEST_F(BenchProgram, ComparesOtherMachinesByForceOnly) {
  bench::Results results = sample_results();
  const fs::path a = write("a.json", results);
  results.machine.processor = "another";
  const fs::path b = write("b.json", results);
  refuses(3, "expected results of one processor, got 'a processor' and 'another'", {"compare", a, b});
  const test::ProgramResult forced = bench_program({"compare", a, b, "--force"});
  EXPECT_EQ(forced.code, 0);
  EXPECT_EQ(forced.out.find("FORCED: "), 0u) << forced.out;
}

TEST_F(BenchProgram, RefusesWhatItCannotUseInOneLine) {
  const fs::path good = write("good.json", sample_results()), bad = folder_ / "bad.json";
  std::ofstream(bad) << "{\"format\":\"engram-bench\",\"version\":1}";
  refuses(2, "got 'batch_nrom'; did you mean 'batch_norm'?", {"run", "batch_nrom"});
  refuses(2, "expected a shape that the chosen families take, got '7x7'", {"run", "pool", "--shape", "7x7"});
  refuses(2, "--device", {"run", "--device", "tpu"});
  refuses(2, "--repeat", {"run", "--repeat", "0"});
  refuses(2, "--size", {"run", "--size", "huge"});
  refuses(2, "--order", {"list", "--order", "rows"});
  refuses(3, "bad.json", {"compare", good, bad});
  refuses(3, "bad.json", {"export", bad, "--format", "bencher"});
  refuses(2, "expected two files or two builds", {"compare", good, fs::path(ENGRAM_BIN_DIR).parent_path()});
  refuses(2, "expected a build with bench/engram-bench", {"compare", folder_.path(), good});
  refuses(2, "expected a file, a build folder or a commit, got 'no-such-thing'", {"compare", "no-such-thing", good});
  refuses(2, "--format", {"export", good, "--format", "xml"});
  refuses(2, "unknown command 'rnu'; did you mean 'run'?", {"rnu"});
  refuses(3, "/no/such/folder", {"run", "pool", "--out", "/no/such/folder/out.json"});
}

TEST_F(BenchProgram, ADeviceThatIsMissingIsNamedWithTheReason) {
  setenv("ENGRAM_PLUGIN_DIR", folder_.path().c_str(), 1);  // which holds none
  refuses(4, "expected the device cuda, got none: ", {"run", "pool", "--device", "cuda"});
  refuses(4, "expected the device emu, got none: no plug-in", {"run", "pool", "--device", "emu"});
  unsetenv("ENGRAM_PLUGIN_DIR");
}

TEST_F(BenchProgram, ADamagedBaselineAndAnUnknownSectionAreRefused) {
  const fs::path bad = folder_ / "baseline.json";
  std::ofstream(bad) << "{\"format\": \"engram-bench gate\"}";
  refuses(3, "baseline.json: expected a member \"sections\", got none", {"gate", "steps", "--baseline", bad});
  refuses(3, "cannot open ", {"gate", "steps", "--baseline", folder_ / "none.json"});
  refuses(2, "expected a section, got 'stpes'; did you mean 'steps'?", {"gate", "stpes"});
}

TEST_F(BenchProgram, TimesAStep) {
  const test::ProgramResult result =
      bench_program({"step", "supervised", "--steps", "2", "--threads", "1", "--warmup", "0"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.out.find("step/supervised: "), std::string::npos) << result.out;
  refuses(2, "did you mean 'train'?", {"step", "trian"});
}

TEST_F(BenchProgram, WritesAPageWithAHistory) {
  const fs::path a = write("a.json", sample_results()), out = folder_ / "bench.html";
  const test::ProgramResult result = bench_program({"page", a, "--history", a.string(), "--out", out});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_EQ(result.out, "wrote " + out.string() + ": 4 rows, 1 earlier files\n");
  EXPECT_NE(text_of(out).find("<h2>History</h2>"), std::string::npos);
}

TEST_F(BenchProgram, WritesNothingWhenItFails) {
  const fs::path out = folder_ / "out.json";
  EXPECT_EQ(bench_program({"run", "batch_nrom", "--out", out}).code, 2);
  EXPECT_FALSE(fs::exists(out));
}

}  // namespace
}  // namespace engram::testing
