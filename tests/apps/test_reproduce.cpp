/// engram-reproduce as a user runs it: a table from nothing, what is there is kept, kills and mistakes.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <map>
#include <set>
#include <thread>

#include "tests/support/cifar_records.h"
#include "tests/support/program.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram::testing {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTinyPlan = R"({
  "name": "tiny", "title": "Tiny networks",
  "data": {"cifar10": "bright images"},
  "scales": {"short": {"settings": {"epochs": 2}, "seeds": [1, 2]}, "long": {"settings": {"epochs": 400}}},
  "seeds": [1],
  "defaults": {"program": "engram-train",
               "settings": {"data": "@data/cifar10", "dataset": "cifar10-subset", "arch": "wrn-10-1", "batch_size": 16}},
  "cells": [
    {"name": "again", "settings": {"init": "@cell/first/classifier.safetensors", "lr": 0.01}},
    {"name": "first", "settings": {"lr": 0.05, "checkpoint_steps": 1}}
  ],
  "rows": [{"cell": "first", "published": [{"value": 50, "source": "nobody"}]}, {"cell": "again", "reference": "first"}]
})";

class ReproduceApp : public ::testing::Test {
 protected:
  void SetUp() override {
    write_cifar_records(folder_.path() / "data_batch_1.bin", 48, 1);
    write_cifar_records(folder_.path() / "test_batch.bin", 20, 2);
    write_plan(kTinyPlan);
  }

  void write_plan(const std::string& text) const { std::ofstream(plan()) << text; }
  fs::path plan() const { return folder_.path() / "plan.json"; }
  fs::path out() const { return folder_.path() / "out"; }

  std::vector<std::string> arguments(std::vector<std::string> more = {}) const { return arguments(out(), more); }
  std::vector<std::string> arguments(const fs::path& folder, const std::vector<std::string>& more) const {
    std::vector<std::string> words = {plan(),      "--out", folder, "--data", "cifar10=" + folder_.path().string(),
                                      "--threads", "1"};
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }

  test::ProgramResult run(std::vector<std::string> more = {}) const {
    return test::run_program("engram-reproduce", arguments(std::move(more)));
  }

  static std::string replaced(std::string text, const std::string& from, const std::string& to) {
    return text.replace(text.find(from), from.size(), to);
  }

  /// Classifier files by their cell's hash.
  std::map<std::string, std::string> classifiers(const fs::path& folder) const {
    std::map<std::string, std::string> result;
    for (const fs::directory_entry& entry : fs::directory_iterator(folder / "cells"))
      if (entry.is_directory()) result[entry.path().filename()] = text_of(entry.path() / "classifier.safetensors");
    return result;
  }

  test::TempFolder folder_;
};

TEST_F(ReproduceApp, MakesTheTableAndRunsNothingTwice) {
  const test::ProgramResult first = run({"--jobs", "2"});
  ASSERT_EQ(first.code, 0) << first.err;
  EXPECT_NE(first.err.find("cells 4/4 done"), std::string::npos) << first.err;
  const std::string table = text_of(out() / "table.md");
  EXPECT_NE(table.find("| first | 50.00 (nobody) | 2 of 2 |"), std::string::npos) << table;
  EXPECT_NE(table.find("(first) |"), std::string::npos) << table;
  for (const char* name : {"table.csv", "table.json", "table.html"}) EXPECT_TRUE(fs::exists(out() / name));
  const auto made = classifiers(out());
  EXPECT_EQ(made.size(), 4u);

  const test::ProgramResult second = run();
  EXPECT_EQ(second.code, 0) << second.err;
  EXPECT_EQ(second.err.find("started"), std::string::npos) << second.err;
  EXPECT_EQ(classifiers(out()), made);
}

TEST_F(ReproduceApp, AKilledCallIsContinuedToTheSameBytes) {
  ASSERT_EQ(run().code, 0);
  const auto whole = classifiers(out());
  fs::remove_all(out());
  Program killed("engram-reproduce", arguments(), folder_.path() / "log");
  while (!fs::exists(out() / "cells")) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  const auto checkpoint_is_there = [&] {
    for (const fs::directory_entry& entry : fs::directory_iterator(out() / "cells"))
      if (fs::exists(entry.path() / "checkpoint.safetensors")) return true;
    return false;
  };
  while (!checkpoint_is_there()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  killed.signal(SIGKILL);
  killed.wait();
  const fs::path copy = folder_.path() / "copy";  // with cells half done
  fs::copy(out(), copy, fs::copy_options::recursive);
  for (const fs::path& folder : {out(), copy}) {
    const test::ProgramResult result = test::run_program("engram-reproduce", arguments(folder, {}));
    ASSERT_EQ(result.code, 0) << result.err;
    EXPECT_EQ(classifiers(folder), whole);
    fs::remove_all(folder);
  }
}

TEST_F(ReproduceApp, AnInterruptStopsTheCellsWithCheckpoints) {
  Program program("engram-reproduce", arguments({"--scale", "long"}), folder_.path() / "log");
  const auto begun = [&] { return text_of(folder_.path() / "log").find("started first") != std::string::npos; };
  while (!begun()) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 130) << text_of(folder_.path() / "log");
  EXPECT_NE(text_of(folder_.path() / "log").find("the same command continues"), std::string::npos);
}

TEST_F(ReproduceApp, ADryRunListsTheCellsAndWritesNothing) {
  const test::ProgramResult result = run({"--dry-run", "--only", "again"});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.out.find("missing  again seed 2"), std::string::npos) << result.out;
  EXPECT_NE(result.out.find("missing  first seed 1"), std::string::npos) << result.out;
  EXPECT_FALSE(fs::exists(out()));
}

TEST_F(ReproduceApp, MistakesAreFoundBeforeAnythingRuns) {
  const auto refused = [&](const std::string& text, std::vector<std::string> more, int code, const std::string& words) {
    write_plan(text);
    const test::ProgramResult result = run(std::move(more));
    EXPECT_EQ(result.code, code) << words;
    EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
    EXPECT_FALSE(fs::exists(out())) << words;
  };
  refused(replaced(kTinyPlan, "\"lr\": 0.01", "\"lrr\": 0.01"), {}, 2, "unknown key 'lrr'; did you mean 'lr'?");
  refused(replaced(kTinyPlan, "\"lr\": 0.01", "\"lr\": -1"), {}, 2, "cell 'again'");
  refused(replaced(kTinyPlan, "\"wrn-10-1\"", "\"wrm-10-1\""), {"--dry-run"}, 2, "got \"wrm-10-1\"");
  refused(replaced(kTinyPlan, "\"lr\": 0.05", "\"init\": \"none.safetensors\""), {}, 3,
          "found none at none.safetensors");
  refused(replaced(kTinyPlan, "engram-train", "engram-trian"), {}, 2,
          "expected the name of a program, got 'engram-trian'; did you mean 'engram-train'?");
  refused(replaced(kTinyPlan, "@cell/first/classifier.safetensors", "@file/none.safetensors"), {}, 2, "found none");
  refused(replaced(kTinyPlan, "@cell/first", "@cell/again"), {}, 2, "a cycle: again -> again");
  refused(kTinyPlan, {"--shard", "3/2"}, 2, "--shard: expected I/N with I from 1 to N, got '3/2'");
  refused(kTinyPlan, {"--shard", "half"}, 2, "--shard: expected I/N");
  refused(kTinyPlan, {"--scale", "shrot"}, 2, "--scale: expected one of short, long");
  refused(kTinyPlan, {"--only", "x"}, 2, "--only: expected the name of a cell");
  write_plan(kTinyPlan);
  const test::ProgramResult without = test::run_program("engram-reproduce", {plan(), "--out", out()});
  EXPECT_EQ(without.code, 2);
  EXPECT_NE(without.err.find("expected --data cifar10=FOLDER"), std::string::npos) << without.err;
}

TEST_F(ReproduceApp, AFolderThatAnotherPlanMadeIsRefused) {
  ASSERT_EQ(run({"--only", "first"}).code, 0);
  const auto made = classifiers(out());
  write_plan(replaced(kTinyPlan, "\"name\": \"tiny\"", "\"name\": \"other\""));
  const test::ProgramResult result = run();
  EXPECT_EQ(result.code, 2) << result.err;
  EXPECT_NE(result.err.find("of plan 'tiny' at scale 'short'"), std::string::npos) << result.err;
  EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
  EXPECT_EQ(classifiers(out()), made);
}

TEST_F(ReproduceApp, AMeasureThatNoCellHasStopsTheTable) {
  const std::string measured = replaced(kTinyPlan, "\"rows\"", R"("measure": {"metric": "tst/accuracy"}, "rows")");
  write_plan(measured);
  const std::string words = "got 'tst/accuracy'; did you mean 'test/accuracy'?";
  const test::ProgramResult first = run(), again = run();
  for (const test::ProgramResult& result : {first, again}) {
    EXPECT_EQ(result.code, 1);
    EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
  }
  EXPECT_EQ(first.err.find("started again"), std::string::npos) << first.err;
  EXPECT_EQ(again.err.find("started"), std::string::npos) << again.err;
}

TEST_F(ReproduceApp, ACellWithoutItsMetricsIsNotTabled) {
  ASSERT_EQ(run().code, 0);
  for (const fs::directory_entry& entry : fs::directory_iterator(out() / "cells"))
    if (entry.is_directory()) fs::remove(entry.path() / "metrics.jsonl");
  const test::ProgramResult result = run();
  EXPECT_EQ(result.code, 3) << result.err;
  EXPECT_NE(result.err.find("metrics.jsonl"), std::string::npos) << result.err;
}

TEST_F(ReproduceApp, AFailedCellIsToldAndTheOthersAreMade) {
  write_plan(replaced(kTinyPlan, "\"lr\": 0.01", "\"lr\": 0.01, \"batch_size\": 4000"));
  const test::ProgramResult result = run();
  EXPECT_EQ(result.code, 1) << result.err;
  EXPECT_NE(result.err.find("FAILED  again seed 1"), std::string::npos) << result.err;
  const std::string table = text_of(out() / "table.md");
  EXPECT_NE(table.find("- failed: again, seed 1: exit code 2"), std::string::npos) << table;
  EXPECT_NE(table.find("| first | 50.00 (nobody) | 2 of 2 |"), std::string::npos) << table;
}

TEST_F(ReproduceApp, ACellThatNeedsMoreMemoryThanTheLimitFailsAloneAndGoesOnWithMore) {
  write_plan(replaced(kTinyPlan, R"("init": "@cell/first/classifier.safetensors", "lr": 0.01)",
                      R"("arch": "wrn-16-4", "epochs": 1)"));
  const test::ProgramResult result = run({"--jobs", "2", "--memory-limit", "16"});
  EXPECT_EQ(result.code, 1) << result.err;
  EXPECT_NE(result.err.find("FAILED  again seed 2"), std::string::npos) << result.err;
  EXPECT_NE(result.err.find("2 cells failed"), std::string::npos) << result.err;
  std::string table = text_of(out() / "table.md");
  for (const char* seed : {"1", "2"})
    EXPECT_NE(table.find(std::string("- failed: again, seed ") + seed + ": exit code 4: "), std::string::npos) << table;
  EXPECT_NE(table.find("limit 16777216"), std::string::npos) << table;
  EXPECT_NE(table.find("| first | 50.00 (nobody) | 2 of 2 |"), std::string::npos) << table;

  const test::ProgramResult more = run({"--memory-limit", "256"});
  EXPECT_EQ(more.code, 0) << more.err;
  EXPECT_EQ(more.err.find("started first"), std::string::npos) << more.err;
  table = text_of(out() / "table.md");
  EXPECT_EQ(table.find("failed"), std::string::npos) << table;
}

/// What stands behind "@data/" in a plan.
std::set<std::string> data_names(const std::string& plan) {
  const std::string mark = "@data/";
  std::set<std::string> names;
  for (auto at = plan.find(mark); at != std::string::npos; at = plan.find(mark, at + 1)) {
    const auto begin = at + mark.size();
    names.insert(plan.substr(begin, plan.find_first_of("\"/", begin) - begin));
  }
  return names;
}

/// The plans of the repository name networks and settings that there are.
TEST_F(ReproduceApp, ThePlansOfTheRepositoryAreSound) {
#ifdef ENGRAM_SANITIZED
  const std::vector<const char*> scales = {"short"};  // the files that cells start from are hashed slowly
#else
  const std::vector<const char*> scales = {"paper", "short"};
#endif
  int plans = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(ENGRAM_SOURCE_DIR) / "apps/plans")) {
    ++plans;
    std::string data;
    for (const std::string& name : data_names(text_of(entry.path())))
      data += (data.empty() ? "" : ",") + name + "=" + folder_.path().string();
    for (const char* scale : scales) {
      const test::ProgramResult result = test::run_program(
          "engram-reproduce", {entry.path(), "--scale", scale, "--out", out(), "--dry-run", "--data", data});
      EXPECT_EQ(result.code, 0) << entry.path() << ": " << result.err;
    }
  }
  EXPECT_GE(plans, 2);
}

}  // namespace
}  // namespace engram::testing
