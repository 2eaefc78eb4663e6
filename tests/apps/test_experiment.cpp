/// Plans, their cells, the scheduler and the tables, with programs that the test makes up.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <fstream>
#include <mutex>
#include <set>
#include <sstream>
#include <thread>

#include "apps/common/experiment/board.h"
#include "apps/common/experiment/program_call.h"
#include "apps/common/experiment/scheduler.h"
#include "apps/common/experiment/table.h"
#include "kernels/common/error.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace engram::testing {
namespace {

namespace fs = std::filesystem;
using namespace engram::apps;

constexpr const char* kPlan = R"({
  "//": "two networks, one taught by the other",
  "name": "tiny",
  "data": {"digits": "small images"},
  "scales": {"paper": {"settings": {"epochs": 100}, "seeds": [1, 2, 3]}, "short": {"settings": {"epochs": 2}, "note": "short"}},
  "seeds": [1, 2],
  "defaults": {"program": "make", "settings": {"batch_size": 10, "data": "@data/digits"}},
  "cells": [
    {"name": "student", "settings": {"init": "@cell/teacher/net.bin", "lr": 0.5}},
    {"name": "alone"},
    {"name": "teacher", "seeds": [7], "settings": {"arch": "big"}, "scales": {"paper": {"settings": {"lr": 0.25}}}}
  ],
  "rows": [{"cell": "student", "reference": "alone", "published": [{"value": 93.5, "source": "a paper"}]}, {"cell": "alone"},
           {"cell": "teacher", "label": "the teacher"}]
})";

Plan plan_of(const std::string& text, const std::string& scale = "short") {
  return parse_plan(text, "plan.json", scale);
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

void write_text(const fs::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

/// What a program of the test leaves behind: a complete run whose accuracy rises to `accuracy`, then falls a little.
AttemptResult complete_run(const CellAttempt& attempt, double accuracy) {
  fs::create_directories(attempt.folder);
  std::ostringstream metrics;
  metrics << R"({"step":9,"epoch":1,"test/accuracy":)" << accuracy << "}\n"
          << R"({"step":19,"epoch":2,"test/accuracy":)" << accuracy - 0.01 << "}\n";
  write_text(attempt.folder / "metrics.jsonl", metrics.str());
  fs::copy_file(attempt.config, attempt.folder / "config.json", fs::copy_options::overwrite_existing);
  write_text(attempt.folder / "manifest.json", R"({"engram": "run", "status": "complete"})");
  return {};
}

class Silent : public SchedulerObserver {
 public:
  void started(const Cell& cell) override { started_cells.push_back(cell_title(cell)); }
  void ended(const Cell&, const AttemptResult&, double) override {}
  void waiting_for(const Cell& cell) override { waited.insert(cell_title(cell)); }
  std::vector<std::string> started_cells;
  std::set<std::string> waited;
};

class Experiment : public ::testing::Test {
 protected:
  fs::path out() const { return folder_.path() / "out"; }

  SchedulerResult run(const RunCell& program, int jobs = 1, SchedulerObserver* observer = nullptr) {
    const CellStore store(out(), plan_);
    Silent silent;
    SchedulerOptions options{.jobs = jobs, .poll_seconds = 0.01, .stop_requested = {}};
    std::vector<std::size_t> all(cells_.size());
    for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
    return run_cells(cells_, all, store, program, observer ? *observer : silent, options);
  }

  std::vector<std::string> arguments(const Cell& cell) const {
    return cell_arguments(cell, cells_, plan_, {{"digits", folder_.path()}}, out() / "cells");
  }

  test::TempFolder folder_;
  Plan plan_ = plan_of(kPlan);
  std::vector<Cell> cells_ = expand_cells(plan_);
};

TEST(Plan, ScalesOverlayDefaultsAndCellsOverlayScales) {
  EXPECT_EQ(plan_scales(kPlan, "plan.json"), (std::vector<std::string>{"paper", "short"}));
  const Plan paper = plan_of(kPlan, "paper");
  ASSERT_EQ(paper.cells.size(), 3u);
  EXPECT_EQ(paper.cells[0].seeds, (std::vector<std::uint64_t>{1, 2, 3}));
  EXPECT_EQ(paper.cells[2].seeds, (std::vector<std::uint64_t>{7}));
  const auto setting = [](const PlanCell& cell, const std::string& key) {
    for (const PlanSetting& s : cell.settings)
      if (s.key == key) return s.json;
    return std::string("none");
  };
  EXPECT_EQ(setting(paper.cells[1], "epochs"), "100");
  EXPECT_EQ(setting(paper.cells[2], "lr"), "0.25");
  EXPECT_EQ(setting(plan_of(kPlan).cells[2], "lr"), "none");
  EXPECT_EQ(plan_of(kPlan).cells[1].seeds, (std::vector<std::uint64_t>{1, 2}));
  EXPECT_EQ(plan_of(kPlan, "").scale, "paper");
}

TEST(Plan, MistakesAreNamedInOneLine) {
  const auto fails = [](const std::string& from, const std::string& to, const std::string& expected) {
    EXPECT_ERROR((expand_cells(plan_of(replaced(kPlan, from, to)))), UsageError, expected);
  };
  EXPECT_ERROR((plan_of("{")), UsageError, "plan.json: line 1: expected JSON, got the end of the text");
  EXPECT_ERROR((plan_of("[]")), UsageError, "plan.json: expected a JSON object, got array");
  EXPECT_ERROR((plan_of(kPlan, "shrot")), UsageError, "--scale: expected one of paper, short");
  fails("\"rows\"", "\"row\"", "unknown member 'row'; did you mean 'rows'?");
  fails("\"seeds\": [7]", "\"seeds\": [7, 7]", "expected each seed once, got 7 twice");
  fails("\"seeds\": [7]", "\"seeds\": [-1]", "expected whole numbers of at least 0, got -1");
  fails("\"seeds\": [7]", "\"seeds\": []", "expected at least one seed");
  fails("\"lr\": 0.5", "\"lr\": 0.5, \"lr\": 1", "expected each member once, got 'lr' twice");
  fails("\"lr\": 0.5", "\"lr\": {}", "expected a number, text, truth value or array, got object");
  fails("\"name\": \"alone\"", "\"name\": \"student\"", "expected each name once, got 'student' twice");
  fails("\"reference\": \"alone\"", "\"reference\": \"aloen\"", "got 'aloen'; did you mean 'alone'?");
  fails("@cell/teacher/net.bin", "@cell/taecher/net.bin",
        "cell 'student', init: expected a cell of the plan, got 'taecher'");
  fails("@cell/teacher/net.bin", "@cell/teacher/../x", "expected a file inside the cell's folder");
  fails("@cell/teacher/net.bin", "@file/nothing.bin", "expected the file nothing.bin, found none");
  fails("@cell/teacher/net.bin", "@net.bin", "expected @data/NAME, @cell/NAME/FILE or @file/NAME");
  fails("@data/digits", "@data/digit", "expected a data set of the plan, got 'digit'; did you mean 'digits'?");
  fails("\"seeds\": [7]", "\"seeds\": [7, 8]", "expected 'teacher' to be run with seed 1 or with one seed only");
  fails("\"arch\": \"big\"", "\"init\": \"@cell/student/x\", \"arch\": \"big\"",
        "expected 'student' to be run with seed 7 or with one seed only");
}

TEST(Plan, ACycleIsNamedWithItsCells) {
  std::string text =
      replaced(kPlan, "\"seeds\": [7], \"settings\": {", "\"settings\": {\"init\": \"@cell/student/x\", ");
  EXPECT_ERROR((expand_cells(plan_of(text))), UsageError, "a cycle: student -> teacher -> student");
  text = replaced(kPlan, "@cell/teacher/net.bin", "@cell/student/net.bin");
  EXPECT_ERROR((expand_cells(plan_of(text))), UsageError, "a cycle: student -> student");
}

TEST_F(Experiment, CellsComeAfterTheirNeedsAndAreNamedByWhatTheyAre) {
  ASSERT_EQ(cells_.size(), 5u);
  EXPECT_EQ(cells_[0].name, "teacher");
  EXPECT_EQ(cell_title(cells_[1]), "student seed 1");
  EXPECT_EQ(cells_[1].needs, (std::vector<std::size_t>{0}));
  EXPECT_EQ(cells_[2].needs, (std::vector<std::size_t>{0}));
  std::set<std::string> hashes;
  for (const Cell& cell : cells_) hashes.insert(cell.hash);
  EXPECT_EQ(hashes.size(), 5u);
  // Neither the order of settings nor the names of the cells say what a run is; its settings and its needs do.
  const auto other = [](const std::string& from, const std::string& to) {
    return expand_cells(plan_of(replaced(kPlan, from, to)));
  };
  EXPECT_EQ(
      other("\"init\": \"@cell/teacher/net.bin\", \"lr\": 0.5", "\"lr\": 0.5, \"init\": \"@cell/teacher/net.bin\"")[1]
          .hash,
      cells_[1].hash);
  const auto taught_otherwise = other("\"arch\": \"big\"", "\"arch\": \"bigger\"");
  EXPECT_NE(taught_otherwise[0].hash, cells_[0].hash);
  EXPECT_NE(taught_otherwise[1].hash, cells_[1].hash);
  EXPECT_EQ(taught_otherwise[3].hash, cells_[3].hash);
}

TEST_F(Experiment, ShardsShareTheCellsAndPatternsKeepNeeds) {
  const auto first = choose_cells(cells_, "", 0, 2), second = choose_cells(cells_, "", 1, 2);
  std::set<std::size_t> all(first.begin(), first.end());
  all.insert(second.begin(), second.end());
  EXPECT_EQ(all.size(), cells_.size());
  EXPECT_LT(first.size(), cells_.size());
  EXPECT_EQ(choose_cells(cells_, "stud*", 0, 1), (std::vector<std::size_t>{0, 1, 2}));
  EXPECT_EQ(choose_cells(cells_, "?lone", 0, 1), (std::vector<std::size_t>{3, 4}));
  EXPECT_ERROR((choose_cells(cells_, "x*", 0, 1)), UsageError, "--only: expected the name of a cell, got 'x*'");
}

TEST_F(Experiment, ConfigurationsHoldSettingsAndCommandLinesHoldPlaces) {
  const std::string text = cell_config(cells_[1]);
  EXPECT_NE(text.find("\"seed\": 1"), std::string::npos) << text;
  EXPECT_NE(text.find("\"lr\": 0.5"), std::string::npos) << text;
  EXPECT_EQ(text.find(folder_.path().string()), std::string::npos) << text;
  const fs::path net = out() / "cells" / cells_[0].hash / "net.bin";
  EXPECT_EQ(arguments(cells_[1]),
            (std::vector<std::string>{"--data=" + folder_.path().string(), "--init=" + net.string()}));
  EXPECT_ERROR((cell_arguments(cells_[0], cells_, plan_, {}, out())), UsageError,
               "expected --data digits=FOLDER for cell 'teacher'");
  const Plan with_arguments =
      plan_of(replaced(kPlan, "\"lr\": 0.5}", "\"lr\": 0.5}, \"arguments\": [\"@cell/teacher/net.bin\"]"));
  const std::vector<Cell> cells = expand_cells(with_arguments);
  EXPECT_EQ(cell_arguments(cells[1], cells, with_arguments, {{"digits", "/d"}}, "/c").back(),
            "/c/" + cells[0].hash + "/net.bin");
}

TEST_F(Experiment, RunsWhatIsMissingOnceAndInOrder) {
  std::mutex mutex;
  std::vector<std::string> order;
  const RunCell program = [&](const CellAttempt& attempt) {
    const std::lock_guard lock(mutex);
    order.push_back(attempt.cell.name);
    EXPECT_FALSE(attempt.resume);
    return complete_run(attempt, 0.9);
  };
  const SchedulerResult result = run(program, 3);
  EXPECT_EQ(result.complete, 5);
  EXPECT_EQ(order.size(), 5u);
  EXPECT_LT(std::ranges::find(order, "teacher"), std::ranges::find(order, "student"));
  EXPECT_EQ(run(program).complete, 5);
  EXPECT_EQ(order.size(), 5u) << "a cell that is there ran again";
}

TEST_F(Experiment, AFailureStopsOnlyWhatNeedsItAndIsTriedAgain) {
  bool broken = true;
  const RunCell program = [&](const CellAttempt& attempt) {
    if (attempt.cell.name == "teacher" && broken) return AttemptResult{3, "expected a file, found none"};
    return complete_run(attempt, 0.9);
  };
  SchedulerResult result = run(program);
  EXPECT_EQ(result.complete, 2);
  EXPECT_EQ(result.failed, 3);
  const std::string markdown = table_markdown(make_table(plan_, cells_, CellStore(out(), plan_)));
  EXPECT_NE(markdown.find("failed: the teacher, seed 7: exit code 3: expected a file, found none"), std::string::npos)
      << markdown;
  broken = false;
  result = run(program);
  EXPECT_EQ(result.complete, 5);
  EXPECT_EQ(result.failed, 0);
}

TEST_F(Experiment, AnUnfinishedRunIsResumedAndAnInterruptionIsNoFailure) {
  bool interrupted = false;
  const RunCell program = [&](const CellAttempt& attempt) {
    if (attempt.cell.name == "teacher" && !interrupted) {
      interrupted = true;
      fs::create_directories(attempt.folder);
      write_text(attempt.folder / "manifest.json", R"({"engram": "run", "status": "interrupted"})");
      return AttemptResult{130, ""};
    }
    EXPECT_EQ(attempt.resume, attempt.cell.name == "teacher");
    return complete_run(attempt, 0.9);
  };
  EXPECT_EQ(run(program).failed, 0);
  EXPECT_EQ(run(program).complete, 5);
}

TEST_F(Experiment, ACellKilledAtItsVeryStartIsStartedAnew) {
  const CellStore store(out(), plan_);
  fs::create_directories(store.run_folder(cells_[0]));
  write_text(store.run_folder(cells_[0]) / "manifest.json", R"({"engram": "run", "status": "starting"})");
  const RunCell program = [&](const CellAttempt& attempt) {
    EXPECT_FALSE(attempt.resume);
    return complete_run(attempt, 0.9);
  };
  EXPECT_EQ(run(program).complete, 5);
}

TEST_F(Experiment, TwoProcessesNeverRunOneCell) {
  std::atomic<int> runs{0};
  std::mutex mutex;
  std::set<std::string> seen;
  const RunCell program = [&](const CellAttempt& attempt) {
    ++runs;
    {
      const std::lock_guard lock(mutex);
      EXPECT_TRUE(seen.insert(attempt.cell.hash).second) << cell_title(attempt.cell);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    return complete_run(attempt, 0.9);
  };
  // flock belongs to an open file, so two schedulers of one process exclude each other as two processes do.
  std::thread other([&] { EXPECT_EQ(run(program).complete, 5); });
  EXPECT_EQ(run(program).complete, 5);
  other.join();
  EXPECT_EQ(runs, 5);
}

TEST_F(Experiment, ACellOfAKilledProcessIsTakenOver) {
  const CellStore store(out(), plan_);
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const int descriptor = ::open((out() / "claims" / cells_[0].hash).c_str(), O_RDWR | O_CREAT, 0666);
    const bool held = ::flock(descriptor, LOCK_EX) == 0;
    [[maybe_unused]] const auto written = ::write(ready[1], held ? "y" : "n", 1);
    for (;;) ::pause();
  }
  char answer = 0;
  ASSERT_EQ(::read(ready[0], &answer, 1), 1);
  ASSERT_EQ(answer, 'y');
  EXPECT_FALSE(store.claim(cells_[0]));

  Silent observer;
  std::thread killer([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
    ::kill(child, SIGKILL);
    int status = 0;
    ::waitpid(child, &status, 0);
  });
  const SchedulerResult result = run([](const CellAttempt& a) { return complete_run(a, 0.9); }, 1, &observer);
  killer.join();
  EXPECT_EQ(result.complete, 5);
  EXPECT_TRUE(observer.waited.contains("teacher seed 7"));
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST_F(Experiment, AnErrorInAThreadEndsAllAndIsThrown) {
  class Failing : public Silent {
    void started(const Cell& cell) override {
      const std::lock_guard lock(mutex_);
      Silent::started(cell);
      if (started_cells.size() == 2) throw std::bad_alloc();
    }
    std::mutex mutex_;
  } observer;
  EXPECT_THROW(run([](const CellAttempt& a) { return complete_run(a, 0.9); }, 3, &observer), std::bad_alloc);
  EXPECT_EQ(run([](const CellAttempt& a) { return complete_run(a, 0.9); }).complete, 5);
}

TEST_F(Experiment, WhatAKilledWriterLeftGoes) {
  run([](const CellAttempt& a) { return complete_run(a, 0.9); });
  for (const fs::path& part : {out(), out() / "cells"}) write_text(part / ".engram-tmp-1-0", "half");
  const CellStore looks(out(), plan_, CellStore::Mode::kLook);
  EXPECT_TRUE(fs::exists(out() / ".engram-tmp-1-0"));
  const CellStore opens(out(), plan_);
  EXPECT_FALSE(fs::exists(out() / ".engram-tmp-1-0"));
  EXPECT_FALSE(fs::exists(out() / "cells" / ".engram-tmp-1-0"));
}

TEST_F(Experiment, FilesThatCannotBeLookedUpAreNotTakenForAbsent) {
  run([](const CellAttempt& a) { return complete_run(a, 0.9); });
  const CellStore store(out(), plan_);
  const auto loop = [](const fs::path& file) {
    fs::remove(file);
    fs::create_symlink(file, file);
  };
  loop(store.run_folder(cells_[0]) / "metrics.jsonl");
  EXPECT_THROW(store.measurement(cells_[0], plan_.measure), fs::filesystem_error);
  loop(store.run_folder(cells_[0]) / "manifest.json");
  EXPECT_THROW(store.status(cells_[0]), fs::filesystem_error);
}

TEST_F(Experiment, FoldersOfOthersAreRefused) {
  run([](const CellAttempt& a) { return complete_run(a, 0.9); });
  const Plan other_scale = plan_of(kPlan, "paper");
  EXPECT_ERROR((CellStore(out(), other_scale)), UsageError, "of plan 'tiny' at scale 'short'");
  fs::create_directories(folder_.path() / "mine");
  write_text(folder_.path() / "mine" / "letter.txt", "dear");
  EXPECT_ERROR((CellStore(folder_.path() / "mine", plan_)), UsageError, "which holds other files");
  EXPECT_ERROR((CellStore(folder_.path() / "mine" / "letter.txt", plan_)), UsageError, "got the existing file");
}

TEST_F(Experiment, ACopiedFolderGoesOnWhereItIs) {
  run([](const CellAttempt& a) {
    return a.cell.name == "student" ? AttemptResult{4, "no memory"} : complete_run(a, 0.9);
  });
  const fs::path copy = folder_.path() / "copy";
  fs::copy(out(), copy, fs::copy_options::recursive);
  fs::remove_all(out());
  const CellStore store(copy, plan_);
  Silent observer;
  std::vector<std::size_t> all = {0, 1, 2, 3, 4};
  const SchedulerResult result =
      run_cells(cells_, all, store, [](const CellAttempt& a) { return complete_run(a, 0.9); }, observer,
                {.jobs = 1, .poll_seconds = 0.01, .stop_requested = {}});
  EXPECT_EQ(result.complete, 5);
  EXPECT_EQ(observer.started_cells.size(), 2u);
}

TEST_F(Experiment, TheTableShowsPublishedBesideMeasured) {
  run([](const CellAttempt& attempt) {
    const double student = attempt.cell.seed == 1 ? 0.93 : 0.95;
    return complete_run(attempt, attempt.cell.name == "student" ? student : 0.91);
  });
  const Table table = make_table(plan_, cells_, CellStore(out(), plan_));
  ASSERT_EQ(table.rows.size(), 3u);
  const TableRow& row = table.rows[0];
  EXPECT_NEAR(row.best.mean, 94, 1e-9);
  EXPECT_NEAR(row.last.mean, 93, 1e-9);
  EXPECT_NEAR(row.last.half_width, 12.706204736 * 1, 1e-6);  // qt(0.975, 1) times the standard error
  EXPECT_NEAR(row.last_minus_published, -0.5, 1e-9);
  EXPECT_NEAR(row.against_reference.difference.mean, 3, 1e-9);
  EXPECT_EQ(row.best_epoch, 1);
  EXPECT_EQ(row.epochs, 2);
  EXPECT_EQ(row.images, 200);
  write_table(out(), table);
  for (const char* name : {"table.md", "table.csv", "table.json", "table.html"}) EXPECT_TRUE(fs::exists(out() / name));
}

TEST(ProgramCall, TellsHowItEndedAndWhatItSaidLast) {
  std::vector<std::string> said;
  const auto listen = [&](const std::string& line) { said.push_back(line); };
  const auto program = [](Call& call) -> int {
    *call.out << "results\n";
    *call.err << "one\n\rtwo\n";
    if (call.words.empty()) return 0;
    throw DataError("expected " + call.words.front() + ", got none");
  };
  const CallResult done = call_program("engram-test", program, {}, listen, {});
  EXPECT_EQ(done.exit_code, 0);
  EXPECT_EQ(said, (std::vector<std::string>{"one", "two"}));
  const CallResult failed = call_program("engram-test", program, {"a file"}, {}, {});
  EXPECT_EQ(failed.exit_code, 3);
  EXPECT_EQ(failed.last_line, "engram-test: expected a file, got none");
}

TEST(ExperimentStatistics, AgreesWithR) {
  // t.test(c(1.2, 0.7, 1.9, 0.4)) and qt(0.975, 2) in R.
  const double values[] = {1.2, 0.7, 1.9, 0.4};
  const PairedTest test = paired_test(values);
  EXPECT_NEAR(test.difference.mean, 1.05, 1e-12);
  EXPECT_NEAR(test.difference.half_width, 1.0434348001, 1e-8);
  EXPECT_NEAR(test.p, 0.0492387342, 1e-9);
  EXPECT_NEAR(student_two_sided(4.302652730, 2), 0.05, 1e-9);
  const double none[] = {0, 0, 0}, same[] = {2, 2, 2}, one[] = {1};
  EXPECT_EQ(paired_test(none).p, 1);
  EXPECT_EQ(paired_test(same).p, 0);
  EXPECT_EQ(paired_test(one).p, 1);
  EXPECT_TRUE(std::isinf(mean_interval(one).half_width));
}

TEST_F(Experiment, TheBoardCountsCells) {
  std::ostringstream text;
  ProgressOptions options;
  options.out = &text;
  {
    Board board(5, 1, 1, options);
    board.started(cells_[0]);
    board.ended(cells_[0], {}, 10);
    board.started(cells_[1]);
    board.ended(cells_[1], {3, "no file"}, 1);
  }
  EXPECT_NE(text.str().find("cells 1/5 done, 0 running, 0 failed, 4 to do"), std::string::npos) << text.str();
  EXPECT_NE(text.str().find("cells 2/5 done, 0 running, 0 failed, 3 to do  time left 30s"), std::string::npos)
      << text.str();
  EXPECT_NE(text.str().find("FAILED  student seed 1, exit code 3: no file"), std::string::npos) << text.str();
}

}  // namespace
}  // namespace engram::testing
