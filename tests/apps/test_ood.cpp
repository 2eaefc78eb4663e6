/// engram-ood as a user runs it: scores of every environment, resumption, trials with three rules of selection, starts
/// from other classifiers, bad input.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <thread>

#include "engine/io/atomic_file.h"
#include "engine/io/png.h"
#include "models/classifier_file.h"
#include "tests/support/program.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class OodApp : public ::testing::Test {
 protected:
  using Words = std::vector<std::string>;

  void SetUp() override { write_digits(600); }

  /// MNIST's training file of `count` digits, whose bright half tells whether they are below five.
  void write_digits(int count) const {
    const auto header = [&](std::uint8_t rank) {
      return io::Bytes{0, 0, 8, rank, 0, 0, std::uint8_t(count >> 8), std::uint8_t(count)};
    };
    io::Bytes images = header(3), labels = header(1);
    for (const std::uint8_t extent : {0, 0, 0, 28, 0, 0, 0, 28}) images.push_back(extent);
    for (int i = 0; i < count; ++i) {
      const int digit = i * 7 % 10;
      labels.push_back(std::uint8_t(digit));
      for (int p = 0; p < 784; ++p) images.push_back(std::uint8_t((p < 392) == (digit < 5) ? 150 + (i + p) % 100 : 0));
    }
    io::write_file(folder_ / "train-images-idx3-ubyte", images);
    io::write_file(folder_ / "train-labels-idx1-ubyte", labels);
  }

  fs::path run(const std::string& name) const { return folder_.path() / name; }
  /// What the last call said.
  std::string log() const { return said_; }
  int ood(Words words) {
    words.insert(words.end(), {"--threads", "2"});
    const test::ProgramResult result = test::run_program("engram-ood", words);
    said_ = result.out + result.err;
    return result.code;
  }
  /// The words with the value of one option replaced.
  Words replaced(Words words, const std::string& option, const std::string& value) const {
    *(std::find(words.begin(), words.end(), option) + 1) = value;
    return words;
  }
  Words with(Words words, const Words& more) const {
    words.insert(words.end(), more.begin(), more.end());
    return words;
  }
  /// A short training of a small perceptron on the digits.
  Words digits(const std::string& method, const std::string& out) const {
    return {"--method", method,  "--data",           folder_.path(), "--arch", R"({"name": "mlp", "hidden": [12, 12]})",
            "--steps",  "40",    "--evaluate-every", "10",           "--lr",   "0.01",
            "--out",    run(out)};
  }
  /// A short training on drawn shapes.
  Words shapes(const std::string& method, const std::string& out) const {
    return {"--method",
            method,
            "--protocol",
            R"({"name": "shapes-in-styles", "side": 12, "images": 6})",
            "--held-out",
            "line",
            "--arch",
            "mlp",
            "--steps",
            "6",
            "--evaluate-every",
            "2",
            "--batch-size",
            "8",
            "--out",
            run(out)};
  }
  json fact(const std::string& name, const std::string& key) const {
    return json::parse(text_of(run(name) / "manifest.json")).at("facts").at(key);
  }
  std::vector<double> values_of(const std::string& name, const std::string& series) const {
    std::vector<double> values;
    std::ifstream lines(run(name) / "metrics.jsonl");
    for (std::string line; std::getline(lines, line);)
      if (const json one = json::parse(line); one.contains(series)) values.push_back(one[series]);
    return values;
  }
  void expect_error(const Words& words, int code, const std::string& text) {
    EXPECT_EQ(ood(words), code) << log();
    const std::string said = log();
    EXPECT_NE(said.find(text), std::string::npos) << said;
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 1) << said;
  }

  test::TempFolder folder_;
  std::string said_;
};

TEST_F(OodApp, SaysWhatIsReachedInEachEnvironmentAndByEachRule) {
  ASSERT_EQ(ood(with(digits("erm", "out"), {"--binary-logit", "--l2", "0.001"})), 0) << log();
  for (const char* series : {"train/+80%/accuracy", "train/+90%/accuracy", "test/-90%/accuracy", "probe/grey/accuracy",
                             "test/accuracy", "validation/accuracy"})
    EXPECT_EQ(values_of("out", series).size(), 4u) << series;
  EXPECT_EQ(fact("out", "test_accuracy"), values_of("out", "test/accuracy").back());
  EXPECT_GE(fact("out", "oracle_test_accuracy").get<double>(), fact("out", "test_accuracy").get<double>());
  EXPECT_EQ(values_of("out", "selected/test_accuracy").size(), 1u);
  for (const char* words :
       {"after the last step", "chosen by the training images (none held back)  step ", "an oracle", "report:"})
    EXPECT_NE(log().find(words), std::string::npos) << log();
  for (const char* picture : {"environments", "features_by_class", "features_by_environment", "features_by_context"})
    EXPECT_TRUE(fs::exists(run("out") / "images" / (std::string(picture) + ".png"))) << picture;
  EXPECT_EQ(load_classifier(run("out") / "classifier.safetensors").network->num_classes(), 1);
  EXPECT_TRUE(fs::exists(run("out") / "selected.safetensors"));
}

TEST_F(OodApp, DecAugTakesColoursOrEnvironmentsForContexts) {
  ASSERT_EQ(ood(digits("decaug", "colour")), 0) << log();
  EXPECT_TRUE(fs::exists(run("colour") / "images/augmented_features.png"));
  EXPECT_FALSE(values_of("colour", "train/squared_cosine").empty());
  ASSERT_EQ(ood(with(digits("decaug-paper", "environment"), {"--contexts", "environment"})), 0) << log();
  expect_error(with(digits("decaug", "none"), {"--contexts", "none"}), 2, "context labels of at least 2 kinds, got 0");
  expect_error(with(digits("decaug", "none"), {"--binary-logit"}), 2, "--binary-logit");
}

TEST_F(OodApp, AKilledRunContinuesToTheSameBytesAndChoices) {
  const Words all = with(digits("irm", "whole"), {"--batch-size", "50", "--threads", "2", "--no-pictures"});
  Words words = replaced(all, "--steps", "120");
  ASSERT_EQ(Program("engram-ood", words, run("log")).wait(), 0);
  words = replaced(words, "--out", run("killed"));
  Program killed("engram-ood", words, run("log"));
  while (!fs::exists(run("killed") / "checkpoint.safetensors"))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  killed.signal(SIGKILL);
  killed.wait();
  ASSERT_EQ(Program("engram-ood", {"--resume", run("killed"), "--threads", "2"}, run("log")).wait(), 0);
  for (const char* file : {"classifier.safetensors", "selected.safetensors"})
    EXPECT_EQ(text_of(run("killed") / file), text_of(run("whole") / file)) << file;
  EXPECT_EQ(values_of("killed", "test/accuracy"), values_of("whole", "test/accuracy"));
  EXPECT_EQ(fact("killed", "selected_by_training_environments_step"),
            fact("whole", "selected_by_training_environments_step"));
}

TEST_F(OodApp, AResumedRunBelievesItsOwnEvaluationsOnly) {
  const Words words =
      with(replaced(shapes("erm", "out"), "--steps", "4"), {"--checkpoint-steps", "1", "--no-pictures"});
  ASSERT_EQ(ood(words), 0) << log();
  ASSERT_EQ(ood({"--resume", run("out")}), 0) << log();
  EXPECT_EQ(values_of("out", "selected/test_accuracy").size(), 1u);
  const fs::path metrics = run("out") / "metrics.jsonl";
  const std::string whole = text_of(metrics);
  const auto refused_with = [&](const std::string& content) {
    std::ofstream(metrics) << content;
    EXPECT_EQ(ood({"--resume", run("out")}), 3) << log();
    EXPECT_NE(log().find("bytes of metrics.jsonl that the run in "), std::string::npos) << log();
  };
  refused_with("");
  std::string damaged = whole;
  refused_with(damaged.replace(damaged.find("\"test/accuracy\":"), 16, "\"test/acuracy\":"));
  damaged = whole;
  refused_with(damaged.insert(damaged.find("\"test/accuracy\":") + 16, "7"));
}

TEST_F(OodApp, ARunKnowsItsImages) {
  ASSERT_EQ(ood(with(replaced(digits("erm", "out"), "--steps", "10"), {"--no-pictures"})), 0) << log();
  const std::string manifest = text_of(run("out") / "manifest.json");
  write_digits(500);
  expect_error({"--resume", run("out")}, 3, "of other content in " + folder_.path().string());
  EXPECT_EQ(text_of(run("out") / "manifest.json"), manifest);
}

TEST_F(OodApp, AResumedRunBelievesTheTrialsThatItWrote) {
  const Words words = with(shapes("erm", "trials"), {"--trials", "2", "--no-pictures"});
  ASSERT_EQ(ood(words), 0) << log();
  const fs::path trials = run("trials") / "trials.json";
  const std::string whole = text_of(trials);
  for (const std::string& damaged :
       {std::string("[]"), std::string(), std::string(whole).replace(whole.find("0.001"), 5, "0.002")}) {
    std::ofstream(trials) << damaged;
    EXPECT_EQ(ood({"--resume", run("trials")}), 3) << log();
    EXPECT_NE(log().find("expected the list of trials that the run wrote"), std::string::npos) << log();
  }
}

TEST_F(OodApp, TrialsDrawSettingsAndThreeRulesChoose) {
  const Words words = with(shapes("group-dro", "trials"), {"--trials", "3", "--leave-one-out", "--no-pictures"});
  ASSERT_EQ(ood(words), 0) << log();
  const json trials = json::parse(text_of(run("trials") / "trials.json")).at("trials");
  ASSERT_EQ(trials.size(), 3u);
  EXPECT_EQ(trials[0].at("method"), "group-dro");
  EXPECT_EQ(trials[0].at("lr"), 0.001);
  EXPECT_NE(trials[1].at("lr"), trials[2].at("lr"));
  for (const json& trial : trials) {
    EXPECT_TRUE(trial.contains("left_out"));
    EXPECT_EQ(trial.at("weight_decay"), 0);  // small images
  }
  const double eta = json::parse(trials[1].at("method").get<std::string>()).at("eta");
  EXPECT_GT(eta, 1e-3);
  EXPECT_LT(eta, 1e-1);
  double best = 0;
  for (const json& trial : trials) best = std::max(best, trial.at("test").get<double>());
  EXPECT_EQ(fact("trials", "oracle_test_accuracy").get<double>(), best);
  EXPECT_EQ(fact("trials", "trials_test_accuracy_highest").get<double>(), best);
  for (const char* line : {"chosen by the training environments", "chosen by leaving each environment out",
                           "chosen by the test itself: an oracle", "test over 3 trials"})
    EXPECT_NE(log().find(line), std::string::npos) << log();
  EXPECT_EQ(values_of("trials", "test/accuracy").size(), 3u);
}

TEST_F(OodApp, StartsFromAnotherClassifiersBody) {
  ASSERT_EQ(ood(with(digits("erm", "two"), {"--no-pictures"})), 0) << log();
  const Words start = {"--binary-logit", "--no-pictures", "--init", run("two") / "classifier.safetensors"};
  const Words still = replaced(with(digits("erm", "one"), start), "--lr", "0");  // keeps what it began with
  ASSERT_EQ(ood(still), 0) << log();
  EXPECT_NE(log().find("the last layer of 2 outputs was left out"), std::string::npos) << log();
  const auto weight = [&](const char* name) {
    return load_classifier(run(name) / "classifier.safetensors").network->state().at("layers.0.weight").to_vector();
  };
  EXPECT_EQ(weight("one"), weight("two"));
  const Words other = replaced(with(digits("erm", "other"), start), "--arch", R"({"name": "mlp", "hidden": [10, 12]})");
  EXPECT_EQ(ood(other), 3);
  EXPECT_NE(log().find("layers.0.weight"), std::string::npos) << log();
}

TEST_F(OodApp, BadInputIsOneLineAndItsExitCode) {
  expect_error(with(digits("irm", "bad"), {"--pool"}), 2, "at least 2 environments, got 1");
  expect_error(with(digits("erm", "bad"), {"--batch-size", "1"}), 2, "batches of at least 2 images, got 1");
  expect_error(with(digits("erm", "bad"), {"--batch-size", "251"}), 2, "at most the 250 images of +80%");
  expect_error(replaced(digits("erm", "bad"), "--evaluate-every", "7"), 2, "divisor of the 40 steps, got 7");
  const Words odd = replaced(digits("erm", "bad"), "--evaluate-every", "7");
  expect_error(replaced(odd, "--data", run("missing")), 2, "divisor of the 40 steps, got 7");  // before any image
  expect_error(with(digits("erm", "bad"), {"--held-out", "+80%"}), 2, "the protocol fixes its test");
  expect_error(digits("emr", "bad"), 2, "did you mean 'erm'");
  expect_error(replaced(shapes("erm", "bad"), "--held-out", "lines"), 2, "textured, flat, painted, line, got 'lines'");
  expect_error(with(shapes("erm", "bad"), {"--binary-logit"}), 2, "expected two classes, got 7");
  expect_error(with(shapes("erm", "bad"), {"--leave-one-out"}), 2, "--trials of at least 2");
  expect_error({"--method", "erm", "--protocol", "nico", "--data", folder_.path(), "--out", run("bad")}, 3,
               "expected the list train.csv");
  expect_error(
      {"--method", "erm", "--protocol", "pacs", "--data", folder_.path(), "--held-out", "photo", "--out", run("bad")},
      3, "art_painting, cartoon, photo and sketch");
  for (const char* domain : {"a", "b"})
    for (const char* name : {"cat", "dog"}) fs::create_directories(run("domains") / domain / name);
  const auto draw = [&](const char* file) { io::write_png(run("domains") / file, {8, 8, 3, io::Bytes(192, 9)}); };
  for (const char* file : {"a/cat/1.png", "a/dog/1.png", "b/cat/1.png", "b/cat/2.png"}) draw(file);
  fs::remove(run("domains") / "b/dog");
  expect_error({"--method", "erm", "--protocol", R"({"name": "domains", "validation": 0})", "--data", run("domains"),
                "--held-out", "a", "--out", run("bad")},
               3, "got none of dog in b");
  EXPECT_FALSE(fs::exists(run("bad")));
}

}  // namespace
}  // namespace engram::testing
