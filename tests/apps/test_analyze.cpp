/// engram-analyze as a user runs it: a picture and a table from each command, and bad input as one line with its exit
/// code.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <limits>

#include "engine/io/atomic_file.h"
#include "engine/io/csv.h"
#include "engine/io/png.h"
#include "models/classifier_file.h"
#include "tests/support/cifar_records.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

namespace fs = std::filesystem;
using test::ProgramResult;
using test::run_program;

class Analyze : public ::testing::Test {
 protected:
  Analyze() {
    fs::create_directory(data());
    for (int i = 1; i <= 5; ++i)
      testing::write_cifar_records(data() / ("data_batch_" + std::to_string(i) + ".bin"), 10, unsigned(i));
    testing::write_cifar_records(data() / "test_batch.bin", 20, 9);
    write_network("teacher", "resnet8", 3);
    write_network("student", "wrn-10-1", 4);
  }

  fs::path data() const { return folder_ / "cifar-10-batches-bin"; }
  fs::path file(const std::string& name) const { return folder_ / name; }

  void write_network(const std::string& name, const std::string& arch, std::uint64_t seed, int classes = 10) const {
    const auto network = make_network(arch, classes, {.seed = seed});
    save_classifier(file(name + ".safetensors"), *network, cifar_normalization());
  }

  /// Runs a command on both networks.
  ProgramResult run(const std::string& command, std::vector<std::string> more,
                    const std::vector<std::string>& networks = {"teacher", "student"}) const {
    std::vector<std::string> words = {command};
    for (const std::string& name : networks) words.push_back(file(name + ".safetensors"));
    words.insert(words.end(), {"--data", data(), "--dataset", "cifar10-subset", "--out", file(command + ".png"),
                               "--quiet", "--threads", "2"});
    words.insert(words.end(), more.begin(), more.end());
    return run_program("engram-analyze", words);
  }

  /// The table that a command wrote, after checking that its picture is one.
  io::CsvTable table(const std::string& command) const {
    const io::Image picture = io::read_png(file(command + ".png"));
    EXPECT_GT(picture.width * picture.height, 1000) << command;
    EXPECT_NE(std::ranges::max(picture.pixels), std::ranges::min(picture.pixels)) << command;
    return io::parse_csv(io::read_file(file(command + ".csv")), command);
  }

  void expect_refused(const ProgramResult& result, int code, const std::string& text) const {
    EXPECT_EQ(result.code, code) << result.err;
    EXPECT_NE(result.err.find(text), std::string::npos) << result.err;
    EXPECT_EQ(std::ranges::count(result.err, '\n'), 1) << result.err;
    for (const auto& entry : fs::directory_iterator(folder_ / ".")) EXPECT_NE(entry.path().extension(), ".png");
  }

  test::TempFolder folder_;
};

TEST_F(Analyze, CkaComparesAllLayers) {
  for (const std::string estimator : {"biased", "unbiased", "minibatch"}) {
    const ProgramResult result = run("cka", {"--estimator", estimator, "--batch-size", "8", "--halves"});
    ASSERT_EQ(result.code, 0) << result.err;
    const io::CsvTable cka = table("cka");
    EXPECT_EQ(cka.rows.size(), 49u);  // three stages, pooled, logits, two halves
    for (const auto& row : cka.rows) EXPECT_LE(std::stod(row[4]), 1 + 1e-6) << estimator;
  }
  // A network is like itself.
  ASSERT_EQ(run("cka", {"--layers", "all"}, {"teacher"}).code, 0);
  int diagonal = 0;
  for (const auto& row : table("cka").rows) {
    if (row[1] != row[3]) continue;
    ++diagonal;
    EXPECT_NEAR(std::stod(row[4]), 1, 1e-6) << row[1];
  }
  EXPECT_GT(diagonal, 10);
  ASSERT_EQ(run("cka", {"--kernel", "gaussian", "--bandwidth", "0.5"}, {"teacher"}).code, 0);
  for (const auto& row : table("cka").rows) {
    if (row[1] != row[3]) continue;
    EXPECT_NEAR(std::stod(row[4]), 1, 1e-6) << row[1];
  }
}

TEST_F(Analyze, NeuronsAreCountedOfWholeAndHalves) {
  const ProgramResult result = run("neurons", {});
  ASSERT_EQ(result.code, 0) << result.err;
  const io::CsvTable counts = table("neurons");
  ASSERT_EQ(counts.rows.size(), 6u);
  EXPECT_EQ(counts.rows[0][1], "whole");
  EXPECT_EQ(counts.rows[1][2], "32");
  for (const auto& row : counts.rows) EXPECT_LE(std::stod(row[5]), std::stod(row[2])) << row[1];
}

TEST_F(Analyze, MapsOfNetworksAndHalves) {
  for (const std::string command : {"cam", "lrp"}) {
    const ProgramResult result = run(command, {"--index", "3,1", "--halves"});
    ASSERT_EQ(result.code, 0) << result.err;
    const io::CsvTable maps = table(command);
    EXPECT_EQ(maps.rows.size(), 4u * 2 * 32 * 32);
    EXPECT_EQ(maps.rows[0][0], "3");
    EXPECT_EQ(maps.rows.back()[3], "exploration");
    for (std::size_t i = 0; i < maps.rows.size(); i += 97) EXPECT_GE(std::stod(maps.rows[i][8]), 0);
  }
}

TEST_F(Analyze, AttackMovesPixels) {
  const ProgramResult result = run("attack", {"--images", "1", "--steps", "3", "--target", "predicted"}, {"teacher"});
  ASSERT_EQ(result.code, 0) << result.err;
  const io::CsvTable attacks = table("attack");
  ASSERT_EQ(attacks.rows.size(), 1u);
  EXPECT_GT(std::stod(attacks.rows[0][5]), 1);
}

TEST_F(Analyze, FlatnessOfBothNetworks) {
  const ProgramResult result = run("flatness", {"--deviations", "0,0.1", "--draws", "2", "--limit", "10"});
  ASSERT_EQ(result.code, 0) << result.err;
  const io::CsvTable losses = table("flatness");
  ASSERT_EQ(losses.rows.size(), 4u);
  EXPECT_EQ(std::stod(losses.rows[0][5]), 0);
}

TEST_F(Analyze, CurvesOfRuns) {
  for (const std::string name : {"alone", "taught"}) {
    fs::create_directory(file(name));
    std::ofstream(file(name) / "metrics.jsonl") << R"({"step":1,"test/loss":2.5,"train/epoch_loss":2})"
                                                   "\n"
                                                << R"({"step":2,"test/loss":1.5,"train/epoch_loss":1})"
                                                   "\n";
  }
  const auto curves = [&](const std::vector<std::string>& more) {
    std::vector<std::string> words = {"loss-curve", file("alone"), file("taught"), "--out", file("loss-curve.png")};
    words.insert(words.end(), more.begin(), more.end());
    return run_program("engram-analyze", words);
  };
  expect_refused(curves({"--series", "test/los"}), 3, "did you mean 'test/loss'");
  ASSERT_EQ(curves({}).code, 0);
  const io::CsvTable lines = table("loss-curve");
  ASSERT_EQ(lines.rows.size(), 8u);
  EXPECT_EQ(lines.rows[0][0], "alone train/epoch_loss");
  EXPECT_EQ(run_program("engram-analyze", {"loss-curve", data(), "--out", file("other.png")}).code, 3);
  // Half a last line is what a killed writer leaves; any other damage would bend the curve unseen.
  std::ofstream(file("alone") / "metrics.jsonl", std::ios::app) << R"({"step":3,"test/lo)";
  EXPECT_EQ(curves({}).code, 0);
  std::ofstream(file("alone") / "metrics.jsonl", std::ios::app) << "\n";
  const ProgramResult damaged = curves({});
  EXPECT_EQ(damaged.code, 3);
  EXPECT_NE(damaged.err.find("metrics.jsonl: line 3: expected a JSON object with a number as step"), std::string::npos)
      << damaged.err;
}

TEST_F(Analyze, NetworksThatOverflowAreRefusedByTheirLayer) {
  const auto network = make_network("resnet8", 10, {.seed = 3});
  for (Tensor& parameter : network->parameters())  // the sums of its last layer
    if (parameter.rank() == 2)
      std::fill_n(parameter.data<float>(), parameter.numel(), std::numeric_limits<float>::max());
  save_classifier(file("overflow.safetensors"), *network, cifar_normalization());
  for (const std::string command : {"cka", "neurons", "cam", "lrp", "attack", "flatness"})
    expect_refused(run(command, {"--batch-size", "8"}, {"overflow"}), 3,
                   "the first layer whose output is not finite: ");
}

TEST_F(Analyze, LayersThatAreTheSameForAllImagesAreLikeNoOther) {
  const auto network = make_network("resnet8", 10, {.seed = 3});
  Tensor last = network->parameters().back();
  for (Tensor& parameter : network->parameters())
    if (parameter.rank() == 2) last = parameter;
  std::fill_n(last.data<float>(), last.numel(), 0.f);  // logits are the bias
  save_classifier(file("constant.safetensors"), *network, cifar_normalization());
  ASSERT_EQ(run("cka", {"--batch-size", "8"}, {"constant"}).code, 0);
  int empty = 0;
  for (const auto& row : table("cka").rows) {
    if (row[1] != "logits" && row[3] != "logits") continue;
    EXPECT_EQ(row[4], "") << row[1] << " " << row[3];
    ++empty;
  }
  EXPECT_EQ(empty, 9);
}

TEST_F(Analyze, WhatAKilledWriterLeftIsRemoved) {
  std::ofstream(file(".engram-tmp-1-0")) << "half";
  ASSERT_EQ(run("neurons", {"--batch-size", "8"}, {"teacher"}).code, 0);
  EXPECT_FALSE(fs::exists(file(".engram-tmp-1-0")));
}

TEST_F(Analyze, BadInputIsOneLine) {
  write_network("hundred", "resnet8", 1, 100);
  expect_refused(run_program("engram-analyze", {}), 2, "expected a command");
  expect_refused(run_program("engram-analyze", {"kca"}), 2, "did you mean 'cka'");
  expect_refused(run("cam", {}, {"teacher", "hundred"}), 3, "expected networks of as many classes");
  expect_refused(run("cam", {"--index", "20"}), 2, "expected places below 20");
  expect_refused(run("cka", {"--limit", "3"}), 2, "expected 4 or more images");
  expect_refused(run("cka", {}, {"teacher", "student", "teacher"}), 2, "expected 1 to 2 classifiers, got 3");
  expect_refused(run("lrp", {"--corrected"}, {"teacher"}), 3, "gets wrong and teacher right, got none");
  expect_refused(run("attack", {}, {"teacher", "student"}), 2, "expected 1 classifiers, got 2");
  expect_refused(run_program("engram-analyze", {"cka", file("teacher.safetensors"), "--data", data(), "--dataset",
                                                "cifar10-subset", "--out", file("cka.jpg")}),
                 2, "a name that ends in .png");
  expect_refused(
      run_program("engram-analyze", {"cka", file("missing.safetensors"), "--data", data(), "--out", file("cka.png")}),
      3, "missing.safetensors");
}

}  // namespace
}  // namespace engram
