/// Programs as functions: several in one process, each with its own words, streams, folder and stop flag.

#include <gtest/gtest.h>

#include <atomic>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <thread>

#include "apps/common/exit_code.h"
#include "apps/common/main_wrapper.h"
#include "apps/programs.h"
#include "tests/support/program.h"
#include "tests/support/temp_folder.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

class RunProgram : public ::testing::Test {
 protected:
  void SetUp() override {
    std::mt19937 rng(1);
    fs::create_directories(folder_ / "data");
    for (const char* name : {"data_batch_1.bin", "test_batch.bin"}) {
      std::ofstream file(folder_ / "data" / name, std::ios::binary);
      for (int i = 0; i < 20; ++i) {
        file.put(char(i % 10));
        for (int p = 0; p < 3072; ++p) file.put(char(rng() % 256));
      }
    }
  }

  std::vector<std::string> words(const std::string& name, int seed) const {
    return {"--data",       folder_ / "data",
            "--dataset",    "cifar10-subset",
            "--arch",       "wrn-10-1",
            "--batch-size", "5",
            "--epochs",     "1",
            "--seed",       std::to_string(seed),
            "--threads",    "1",
            "--out",        folder_ / name};
  }

  /// What a call of engram-train in this process says, and its exit code.
  struct Said {
    std::ostringstream out, err;
    int code = -1;
  };
  void train(
      const std::vector<std::string>& line, Said& said, const std::function<bool()>& stop = [] { return false; }) {
    Call call{.program = "engram-train", .words = line, .out = &said.out, .err = &said.err, .stop = stop};
    said.code = run_program(run_train, call);
  }
  std::string classifier(const std::string& name) const {
    return testing::text_of(folder_ / name / "classifier.safetensors");
  }

  test::TempFolder folder_;
};

TEST_F(RunProgram, SeveralInOneProcessDoWhatEachDoesAlone) {
  std::vector<Said> said(3);
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([this, i, &said] { train(words("together" + std::to_string(i), i), said[std::size_t(i)]); });
  for (std::thread& thread : threads) thread.join();
  for (int i = 0; i < 3; ++i) {
    const Said& one = said[std::size_t(i)];
    ASSERT_EQ(one.code, kExitOk) << one.err.str();
    EXPECT_EQ(one.out.str().find("together" + std::to_string((i + 1) % 3)), std::string::npos) << one.out.str();
    ASSERT_EQ(testing::Program("engram-train", words("alone" + std::to_string(i), i), folder_ / "log").wait(), 0);
    EXPECT_FALSE(classifier("alone" + std::to_string(i)).empty());
    EXPECT_EQ(classifier("together" + std::to_string(i)), classifier("alone" + std::to_string(i)));
  }
}

TEST_F(RunProgram, EachHasItsOwnStopFlag) {
  std::atomic<int> asked{0};
  Said stopped, whole;
  std::thread other([this, &whole] { train(words("whole", 1), whole); });
  train(words("stopped", 1), stopped, [&asked] { return ++asked == 2; });
  other.join();
  EXPECT_EQ(whole.code, kExitOk) << whole.err.str();
  EXPECT_EQ(stopped.code, kExitInterrupted);
  EXPECT_NE(stopped.err.str().find("stopped after step 2; continue with --resume"), std::string::npos)
      << stopped.err.str();
  Said resumed;
  train({"--resume", folder_ / "stopped", "--threads", "1"}, resumed);  // the folder alone
  EXPECT_EQ(resumed.code, kExitOk) << resumed.err.str();
  EXPECT_EQ(classifier("stopped"), classifier("whole"));
}

TEST_F(RunProgram, ARunWithoutItsReportIsNotComplete) {
  const auto status = [&] {
    return nlohmann::json::parse(std::ifstream(folder_ / "run" / "manifest.json")).at("status");
  };
  Said said, resumed;
  train(words("run", 1), said, [&] {
    fs::create_directories(folder_ / "run" / "report.html");  // a folder in its place
    return false;
  });
  EXPECT_EQ(said.code, kExitData);
  EXPECT_NE(said.err.str().find("report.html"), std::string::npos) << said.err.str();
  EXPECT_EQ(status(), "interrupted");
  fs::remove(folder_ / "run" / "report.html");
  train({"--resume", folder_ / "run", "--threads", "1"}, resumed);
  EXPECT_EQ(resumed.code, kExitOk) << resumed.err.str();
  EXPECT_EQ(status(), "complete");
}

TEST_F(RunProgram, TwoThreadsDoNotWriteOneFolder) {
  Said first, second;
  std::atomic<bool> inside{false}, go_on{false};
  std::thread holder([&] {
    train(words("run", 1), first, [&] {
      inside = true;
      while (!go_on) std::this_thread::yield();
      return false;
    });
  });
  while (!inside) std::this_thread::yield();
  auto line = words("run", 2);
  line.push_back("--force");
  train(line, second);
  go_on = true;
  holder.join();
  EXPECT_EQ(first.code, kExitOk) << first.err.str();
  EXPECT_EQ(second.code, kExitUsage);
  EXPECT_NE(second.err.str().find("which a running program"), std::string::npos) << second.err.str();
}

}  // namespace
}  // namespace engram::apps
