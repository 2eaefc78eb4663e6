/// What programs do with closed, full and special outputs.

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "engine/io/atomic_file.h"
#include "models/classifier_file.h"
#include "tests/support/program.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram::test {
namespace {

namespace fs = std::filesystem;

/// Runs a shell line in which $B is the folder of the programs; its exit code.
int shell(const std::string& line) {
  const int status = std::system(("B='" ENGRAM_BIN_DIR "'; " + line).c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

class Output : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto network = make_network("wrn-10-1", 10, {.seed = 2, .device = {}});
    save_classifier(classifier(), *network, cifar_normalization());
    std::string record(3073, '\0');
    for (const char* name : {"data_batch_1.bin", "test_batch.bin"}) {
      fs::create_directories(folder_ / "data");
      std::string bytes;
      for (int i = 0; i < 10; ++i) {
        record[0] = char(i);
        bytes += record;
      }
      io::write_file(folder_ / "data" / name, bytes);
    }
  }
  fs::path classifier() const { return folder_ / "classifier.safetensors"; }
  std::string eval() const {
    return "$B/engram-eval " + classifier().string() + " --dataset cifar10-subset --threads 1 --data " +
           (folder_ / "data").string();
  }
  std::string error() const { return testing::text_of(folder_ / "err"); }
  std::string to_error() const { return " 2> " + (folder_ / "err").string(); }

  TempFolder folder_;
};

TEST_F(Output, ThatCannotBeWrittenIsAnError) {
  for (const std::string& command :
       {std::string("$B/engram-inspect ") + classifier().string(), eval(), std::string("$B/engram-train --help"),
        std::string("$B/engram-eval --version"), std::string("$B/engram-inspect --devices")}) {
    EXPECT_EQ(shell(command + " > /dev/full" + to_error()), 3) << command;
    EXPECT_NE(error().find("write error: No space left on device"), std::string::npos) << command << error();
    EXPECT_EQ(shell(command + " >&-" + to_error()), 3) << command;
    EXPECT_NE(error().find("write error: Bad file descriptor"), std::string::npos) << command << error();
  }
}

TEST_F(Output, ClosedDescriptorsAreNotTakenByFiles) {
  const fs::path run = folder_ / "run";
  const std::string train =
      "$B/engram-train --dataset cifar10-subset --arch wrn-10-1 --batch-size 5 --epochs 1 --threads 1 ";
  for (const char* closed : {"2>&-", "0<&- 2>&-"}) {
    fs::remove_all(run);
    EXPECT_EQ(
        shell(train + "--data " + (folder_ / "data").string() + " --out " + run.string() + " > /dev/null " + closed),
        0);
    const std::string metrics = testing::text_of(run / "metrics.jsonl");
    ASSERT_FALSE(metrics.empty());
    for (std::size_t begin = 0; begin < metrics.size();) {
      const std::size_t end = metrics.find('\n', begin);
      EXPECT_TRUE(nlohmann::json::accept(metrics.substr(begin, end - begin))) << metrics;
      begin = end + 1;
    }
  }
}

TEST_F(Output, AReaderThatGoesAwayEndsNoRun) {
  const std::string folder = folder_.path().string();
  shell("{ sleep 0.2; $B/engram-train --dataset cifar10-subset --data " + folder + "/data --arch resnet8 --epochs 1 " +
        "--batch-size 5 --padding 0 --threads 1 --out " + folder + "/run; echo $? > " + folder +
        "/code; } 2>&1 > /dev/null | true");
  EXPECT_EQ(testing::text_of(folder_ / "code"), "0\n");
  EXPECT_NE(testing::text_of(folder_ / "run" / "manifest.json").find("\"complete\""), std::string::npos);
  shell("{ sleep 0.2; $B/engram-inspect " + classifier().string() + to_error() + "; echo $? > " + folder +
        "/code; } | true");
  EXPECT_EQ(testing::text_of(folder_ / "code"), "3\n");
  EXPECT_NE(error().find("write error: Broken pipe"), std::string::npos) << error();
}

TEST_F(Output, AFileSizeLimitIsLikeAFullDisk) {
  const fs::path run = folder_ / "run";
  EXPECT_EQ(shell("ulimit -f 40; $B/engram-train --dataset cifar10-subset --arch wrn-10-1 --batch-size 5 --epochs 1 "
                  "--threads 1 --quiet --data " +
                  (folder_ / "data").string() + " --out " + run.string() + to_error()),
            3);
  EXPECT_NE(error().find("File too large"), std::string::npos) << error();
}

}  // namespace
}  // namespace engram::test
