/// engram-train as a user runs it: results that repeat, checkpoints that survive SIGKILL, interruption, bad input.

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "models/classifier_file.h"
#include "tests/support/cifar_records.h"
#include "tests/support/program.h"
#include "tests/support/temp_folder.h"

namespace engram::testing {
namespace {

namespace fs = std::filesystem;

class TrainApp : public ::testing::Test {
 protected:
  void SetUp() override {
    write_cifar_records(data() / "data_batch_1.bin", 96, 1);
    write_cifar_records(data() / "test_batch.bin", 20, 2);
  }

  fs::path data() const { return folder_.path(); }
  fs::path run(const std::string& name) const { return folder_.path() / name; }
  std::vector<std::string> arguments(const fs::path& out) const {
    return {"--data",
            data(),
            "--dataset",
            "cifar10-subset",
            "--arch",
            "wrn-10-1",
            "--batch-size",
            "16",
            "--epochs",
            "4",
            "--lr",
            "0.05",
            "--ema-decay",
            "0.9",
            "--label-smoothing",
            "0.1",
            "--threads",
            "2",
            "--seed",
            "3",
            "--checkpoint-steps",
            "1",
            "--out",
            out};
  }
  int train(const fs::path& out) const { return Program("engram-train", arguments(out), run("log")).wait(); }
  int resume(const fs::path& out) const {
    return Program("engram-train", {"--data", data(), "--resume", out}, run("log")).wait();
  }
  /// The values of a series in a run's metrics.
  static std::vector<double> values_of(const fs::path& out, const std::string& name) {
    std::vector<double> values;
    std::ifstream lines(out / "metrics.jsonl");
    for (std::string line; std::getline(lines, line);)
      if (const auto json = nlohmann::json::parse(line); json.contains(name)) values.push_back(json[name]);
    return values;
  }
  std::string classifier(const fs::path& out) const { return text_of(out / "classifier.safetensors"); }

  test::TempFolder folder_;
};

TEST_F(TrainApp, TheSameSeedAndThreadsGiveTheSameBytes) {
  ASSERT_EQ(train(run("a")), 0) << text_of(run("log"));
  ASSERT_EQ(train(run("b")), 0) << text_of(run("log"));
  EXPECT_FALSE(classifier(run("a")).empty());
  EXPECT_EQ(classifier(run("a")), classifier(run("b")));
}

TEST_F(TrainApp, ARunKilledAtARandomStepContinuesToTheSameBytes) {
  ASSERT_EQ(train(run("whole")), 0);
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 rng(seed);
  bool landed = false;
  for (unsigned longest = 150; !landed && longest > 4; longest /= 2) {  // a run may end before it is killed
    fs::remove_all(run("killed"));
    Program killed("engram-train", arguments(run("killed")), run("log"));
    while (!fs::exists(run("killed") / "checkpoint.safetensors"))
      std::this_thread::sleep_for(std::chrono::milliseconds(2));
    std::this_thread::sleep_for(std::chrono::milliseconds(rng() % longest));
    killed.signal(SIGKILL);
    const int code = killed.wait();
    ASSERT_TRUE(code == 1000 + SIGKILL || code == 0) << code;
    landed = code != 0;
  }
  ASSERT_TRUE(landed) << "no kill came before the end";
  ASSERT_EQ(resume(run("killed")), 0) << text_of(run("log"));
  EXPECT_EQ(classifier(run("killed")), classifier(run("whole")));
}

TEST_F(TrainApp, AResumedEpochHasTheMeansOfAllItsSteps) {
  ASSERT_EQ(train(run("whole")), 0);
  Program program("engram-train", arguments(run("stopped")), run("log"));
  while (!fs::exists(run("stopped") / "checkpoint.safetensors"))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  program.signal(SIGTERM);
  const int code = program.wait();
  if (code == 130) {
    ASSERT_EQ(resume(run("stopped")), 0) << text_of(run("log"));
  } else {
    ASSERT_EQ(code, 0) << text_of(run("log"));  // it was done before the signal
  }
  for (const char* name : {"train/epoch_loss", "train/accuracy", "train/loss", "train/lr", "test/accuracy"}) {
    const auto whole = values_of(run("whole"), name);
    EXPECT_EQ(whole.size(), std::string(name) == "train/loss" || std::string(name) == "train/lr" ? 24u : 4u) << name;
    EXPECT_EQ(values_of(run("stopped"), name), whole) << name;
  }
}

TEST_F(TrainApp, ResumingAFinishedRunLeavesItsAccuracy) {
  ASSERT_EQ(train(run("out")), 0);
  const auto accuracy = [&] {
    return nlohmann::json::parse(text_of(run("out") / "manifest.json")).at("facts").at("test_accuracy").get<double>();
  };
  const double before = accuracy();
  EXPECT_GT(before, 0);
  EXPECT_EQ(before, values_of(run("out"), "test/accuracy").back());
  ASSERT_EQ(resume(run("out")), 0) << text_of(run("log"));
  EXPECT_EQ(accuracy(), before);
}

TEST_F(TrainApp, ACheckLooksAtNamesAndInputsAndWritesNothing) {
  const auto check = [&](std::vector<std::string> more) {
    std::vector<std::string> words = arguments(run("out"));
    words.push_back("--check");
    words.insert(words.end(), more.begin(), more.end());
    const int code = Program("engram-train", words, run("log")).wait();
    EXPECT_FALSE(fs::exists(run("out")));
    return code;
  };
  EXPECT_EQ(check({}), 0) << text_of(run("log"));
  EXPECT_EQ(check({"--init", run("none.safetensors")}), 3);
  EXPECT_NE(text_of(run("log")).find("none.safetensors"), std::string::npos) << text_of(run("log"));
  EXPECT_EQ(Program("engram-train", {"--data", data(), "--arch", "resnt8", "--out", run("out"), "--check"}, run("log"))
                .wait(),
            2);
  EXPECT_NE(text_of(run("log")).find("did you mean 'resnet8'?"), std::string::npos) << text_of(run("log"));
  ASSERT_EQ(train(run("out")), 0);
  const std::string manifest = text_of(run("out") / "manifest.json");
  EXPECT_EQ(Program("engram-train", {"--resume", run("out"), "--check"}, run("log")).wait(), 0) << text_of(run("log"));
  EXPECT_EQ(text_of(run("out") / "manifest.json"), manifest);
  EXPECT_EQ(Program("engram-train", {"--data", data(), "--dataset", "cifar10-subset", "--out", run("out"), "--check"},
                    run("log"))
                .wait(),
            2);
}

TEST_F(TrainApp, ARunWithoutItsEvaluationsIsNotContinued) {
  ASSERT_EQ(train(run("out")), 0);
  const fs::path metrics = run("out") / "metrics.jsonl";
  const std::string manifest = text_of(run("out") / "manifest.json");
  std::string others;
  std::ifstream lines(metrics);
  for (std::string line; std::getline(lines, line);)
    if (line.find("test/accuracy") == std::string::npos) others += line + "\n";
  for (const bool all : {false, true}) {
    if (all)
      fs::remove(metrics);
    else
      std::ofstream(metrics) << others;
    EXPECT_EQ(resume(run("out")), 3);
    EXPECT_NE(text_of(run("log")).find("metrics.jsonl"), std::string::npos) << text_of(run("log"));
    EXPECT_EQ(text_of(run("out") / "manifest.json"), manifest);
  }
}

TEST_F(TrainApp, TheFolderOfATrainingStandsForItsClassifierAndItsData) {
  ASSERT_EQ(train(run("out")), 0);
  Program eval("engram-eval", {run("out"), "--data", run("out"), "--out", run("result.json")}, run("log"));
  ASSERT_EQ(eval.wait(), 0) << text_of(run("log"));
  EXPECT_EQ(nlohmann::json::parse(text_of(run("result.json"))).at("accuracy").get<double>(),
            values_of(run("out"), "test/accuracy").back());
  Program again("engram-train",
                {"--data", run("out"), "--init", run("out"), "--arch", "wrn-10-1", "--batch-size", "96", "--epochs",
                 "1", "--lr", "0", "--padding", "0", "--flip-probability", "0", "--out", run("again")},
                run("log"));
  ASSERT_EQ(again.wait(), 0) << text_of(run("log"));
  const auto inputs = nlohmann::json::parse(text_of(run("again") / "manifest.json")).at("inputs");
  EXPECT_EQ(inputs.at("data").get<std::string>(), data().string());
  EXPECT_EQ(inputs.at("init").get<std::string>(), (run("out") / "classifier.safetensors").string());
}

TEST_F(TrainApp, ATrainingOnListedImagesGoesOnWithoutItsLists) {
  const std::string rest = "\n3\n5\n7\n8\n9\n10\n11\n12\n20\n21\n22\n23\n24\n30\n31\n";
  std::ofstream(run("list")) << "0" + rest;
  auto args = arguments(run("out"));
  args.insert(args.end(), {"--train-list", run("list")});
  ASSERT_EQ(Program("engram-train", args, run("log")).wait(), 0) << text_of(run("log"));
  const auto inputs = nlohmann::json::parse(text_of(run("out") / "manifest.json")).at("inputs");
  EXPECT_EQ(inputs.at("train-list").get<std::string>(), run("list").string());
  std::ofstream(run("list")) << "1" + rest;
  EXPECT_EQ(resume(run("out")), 3);
  EXPECT_NE(text_of(run("log")).find("data/train of other content"), std::string::npos) << text_of(run("log"));
}

TEST_F(TrainApp, ARunThatDivergesIsNotComplete) {
  for (const char* rate : {"1e30", "1e6"}) {
    auto args = arguments(run("out"));
    for (const char* word : {"--force", "--schedule", "constant", "--weight-decay", "0"}) args.push_back(word);
    args[7] = "96";  // one step, whose loss is finite: the evaluation meets what it left
    args[9] = "1";
    args[11] = rate;
    args[13] = "0";
    if (std::string(rate) == "1e6") args[9] = "8";  // or a later step
    EXPECT_EQ(Program("engram-train", args, run("log")).wait(), 3) << text_of(run("log"));
    EXPECT_NE(text_of(run("log")).find("expected finite logits"), std::string::npos) << text_of(run("log"));
    EXPECT_EQ(text_of(run("out") / "manifest.json").find("\"complete\""), std::string::npos);
    EXPECT_FALSE(fs::exists(run("out") / "classifier.safetensors"));
  }
}

TEST_F(TrainApp, AnInterruptFinishesTheStepSavesAndExitsWith130) {
  auto long_run = arguments(run("out"));
  long_run[9] = "4000";
  Program program("engram-train", long_run, run("log"));
  while (!fs::exists(run("out") / "checkpoint.safetensors")) std::this_thread::sleep_for(std::chrono::milliseconds(2));
  program.signal(SIGTERM);
  EXPECT_EQ(program.wait(), 130);
  EXPECT_NE(text_of(run("log")).find("--resume"), std::string::npos);
  EXPECT_NE(text_of(run("out") / "manifest.json").find("interrupted"), std::string::npos);
}

TEST_F(TrainApp, ResumingWithOtherSettingsIsRefused) {
  ASSERT_EQ(train(run("out")), 0);
  auto other = arguments(run("out"));
  other[other.size() - 2] = "--resume";
  other[11] = "0.01";
  EXPECT_EQ(Program("engram-train", other, run("log")).wait(), 3);
  EXPECT_NE(text_of(run("log")).find("configuration"), std::string::npos) << text_of(run("log"));
}

TEST_F(TrainApp, ARunKnowsItsData) {
  ASSERT_EQ(train(run("out")), 0);
  const std::string manifest = text_of(run("out") / "manifest.json");
  write_cifar_records(data() / "data_batch_1.bin", 96, 3);
  EXPECT_EQ(Program("engram-train", {"--resume", run("out"), "--threads", "2"}, run("log")).wait(), 3);
  EXPECT_NE(text_of(run("log")).find("got data/train of other content in"), std::string::npos) << text_of(run("log"));
  EXPECT_EQ(text_of(run("out") / "manifest.json"), manifest);
}

TEST_F(TrainApp, InitStartsFromTheWeightsOfAClassifier) {
  ASSERT_EQ(train(run("first")), 0) << text_of(run("log"));
  auto still = arguments(run("still"));
  still[11] = "0";  // a learning rate of 0 keeps what it began with
  still[13] = "0";  // and averages would be rounded
  for (const char* word : {"--weight-decay", "0", "--init"}) still.push_back(word);
  still.push_back(run("first") / "classifier.safetensors");
  ASSERT_EQ(Program("engram-train", still, run("log")).wait(), 0) << text_of(run("log"));
  const auto weight = [&](const char* name) {
    return load_classifier(run(name) / "classifier.safetensors").network->state().at("conv1.weight").to_vector();
  };
  EXPECT_EQ(weight("still"), weight("first"));
  still[5] = "wrn-16-1";
  still[still.size() - 5] = run("other");
  EXPECT_EQ(Program("engram-train", still, run("log")).wait(), 3);
  EXPECT_NE(text_of(run("log")).find("expected a wrn-16-1"), std::string::npos) << text_of(run("log"));
}

TEST_F(TrainApp, BadInputIsOneLineAndItsExitCode) {
  const auto expect = [&](std::vector<std::string> args, int code, const std::string& words) {
    EXPECT_EQ(Program("engram-train", std::move(args), run("log")).wait(), code) << text_of(run("log"));
    const std::string log = text_of(run("log"));
    EXPECT_NE(log.find(words), std::string::npos) << log;
    EXPECT_EQ(std::count(log.begin(), log.end(), '\n'), 1) << log;
  };
  const std::string out = run("bad");
  expect({"--data", run("none"), "--out", out}, 3, "none");
  expect({"--data", data(), "--dataset", "cifar10", "--out", out}, 3, "data_batch_2.bin");
  expect({"--data", data(), "--dataset", "cifar10-subset", "--batch-size", "0", "--out", out}, 2, "batch-size");
  expect({"--data", data(), "--dataset", "cifar10-subset", "--batch-size", "1000", "--out", out}, 2, "1000");
  // Counts whose products would wrap.
  for (const char* option : {"--epochs", "--warmup-epochs", "--milestones"})
    expect({"--data", data(), option, "4611686018427387905", "--out", out}, 2, "to 1e+06 for");
  expect({"--data", data(), "--dataset", "cifar10-subset", "--arch", "resnet19", "--out", out}, 2, "resnet18");
  expect({"--data", data(), "--dataset", "cifar10-subset", "--image-size", "16", "--arch", "vgg11-w16", "--out", out},
         2, "expected images of at least 32x32 pixels (it halves them 5 times), got 3x16x16");
  expect({"--data", data(), "--epoch", "3", "--out", out}, 2, "--epochs");
  expect({"--out", out}, 2, "--data");
  expect({"--data", data(), "--dataset", "cifar10-subset", "--device", "cuda", "--out", out}, 4, "cuda");
  EXPECT_FALSE(fs::exists(out));
  fs::create_directory(run("full"));
  std::ofstream(run("full") / "mine.txt") << "keep";
  expect({"--data", data(), "--dataset", "cifar10-subset", "--batch-size", "16", "--arch", "wrn-10-1", "--out",
          run("full")},
         2, "full");
  EXPECT_EQ(text_of(run("full") / "mine.txt"), "keep");
}

}  // namespace
}  // namespace engram::testing
