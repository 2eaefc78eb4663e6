/// engram-invert as a user runs it: files of a run, batches that resume, interruption, bad input.

#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "engine/io/atomic_file.h"
#include "models/classifier_file.h"
#include "models/data/open_dataset.h"
#include "tests/support/program.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram::testing {
namespace {

namespace fs = std::filesystem;

class InvertApp : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto network = make_network("wrn-10-1", 10, {.seed = 2, .device = {}});
    save_classifier(classifier(), *network, cifar_normalization(), {{"dataset", "cifar10"}});
  }
  fs::path classifier() const { return folder_ / "classifier.safetensors"; }
  fs::path path(const std::string& name) const { return folder_ / name; }
  std::vector<std::string> arguments(const fs::path& out) const {
    return {classifier(),     "--batch-size", "12", "--iterations", "4", "--num-batches", "2", "--method",
            "deep-inversion", "--grid-every", "2",  "--threads",    "2", "--out",         out};
  }
  int run(std::vector<std::string> args) const { return Program("engram-invert", std::move(args), path("log")).wait(); }
  std::string log() const { return text_of(path("log")); }

  test::TempFolder folder_;
};

TEST_F(InvertApp, ARunLeavesSamplesPicturesMetricsAndAPackedSet) {
  auto args = arguments(path("out"));
  args[8] = "natural-inversion";
  const test::ProgramResult result = test::run_program("engram-invert", args);
  ASSERT_EQ(result.code, 0) << result.err;
  const ImageDataset packed = open_dataset("auto", path("out") / "samples.safetensors", Split::kTest);
  EXPECT_EQ(packed.count, 24);
  EXPECT_EQ(packed.num_classes, 10);
  EXPECT_TRUE(fs::is_directory(path("out") / "samples" / "s03_cat"));
  const ImageDataset folder = open_dataset("folder", path("out") / "samples", Split::kTest, 10);
  EXPECT_EQ(folder.count, 24);
  EXPECT_TRUE(fs::exists(path("out") / "images" / "batch0000_000000.png"));
  EXPECT_TRUE(fs::exists(path("out") / "images" / "batch0001_000004.png"));
  EXPECT_NE(text_of(path("out") / "report.html").find("batch0001_000004"), std::string::npos);
  EXPECT_NE(text_of(path("out") / "metrics.jsonl").find("loss/bn_var"), std::string::npos);
  EXPECT_NE(text_of(path("out") / "manifest.json").find("complete"), std::string::npos);
  for (const char* name : {"  total ", "  ce ", "  bn_var ", "  bn_mean "})
    EXPECT_NE(result.err.find(name), std::string::npos) << result.err;
}

TEST_F(InvertApp, TheSameSeedGivesTheSameBytesAndTheBatchesDiffer) {
  ASSERT_EQ(run(arguments(path("a"))), 0);
  ASSERT_EQ(run(arguments(path("b"))), 0);
  EXPECT_EQ(text_of(path("a") / "samples.safetensors"), text_of(path("b") / "samples.safetensors"));
  EXPECT_NE(text_of(path("a") / "batches" / "batch_0000.safetensors"),
            text_of(path("a") / "batches" / "batch_0001.safetensors"));
}

TEST_F(InvertApp, AStoppedRunContinuesWithTheBatchesThatItLacks) {
  auto args = arguments(path("whole"));
  args[4] = "40";
  ASSERT_EQ(run(args), 0);
  args.back() = path("stopped");
  Program program("engram-invert", args, path("log"));
  while (!fs::exists(path("stopped") / "batches" / "batch_0000.safetensors"))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  program.signal(SIGINT);
  ASSERT_EQ(program.wait(), 130) << log();
  ASSERT_EQ(run({classifier(), "--resume", path("stopped")}), 0) << log();
  EXPECT_EQ(text_of(path("stopped") / "samples.safetensors"), text_of(path("whole") / "samples.safetensors"));
}

TEST_F(InvertApp, AnInterruptedBatchContinuesFromItsCheckpoint) {
  auto args = arguments(path("whole"));
  args[4] = "60";
  args[6] = "1";
  ASSERT_EQ(run(args), 0) << log();
  args.back() = path("stopped");
  Program program("engram-invert", args, path("log"));
  while (!fs::exists(path("stopped") / "images" / "batch0000_000002.png"))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  program.signal(SIGINT);
  ASSERT_EQ(program.wait(), 130) << log();
  const fs::path checkpoint = path("stopped") / "checkpoint_0000.safetensors";
  EXPECT_TRUE(fs::exists(checkpoint));
  const auto metrics = [&](const char* name) {
    std::vector<std::string> lines;
    std::ifstream in(path(name) / "metrics.jsonl");
    for (std::string line; std::getline(in, line);) {
      auto json = nlohmann::json::parse(line);
      lines.push_back(json["step"].dump() + " " + json["loss/total"].dump() + " " + json["loss/tv"].dump());
    }
    return lines;
  };
  EXPECT_FALSE(metrics("stopped").empty());
  ASSERT_EQ(run({classifier(), "--resume", path("stopped")}), 0) << log();
  EXPECT_EQ(text_of(path("stopped") / "samples.safetensors"), text_of(path("whole") / "samples.safetensors"));
  EXPECT_EQ(metrics("stopped"), metrics("whole"));
  EXPECT_FALSE(fs::exists(checkpoint));
}

TEST_F(InvertApp, FinishedBatchesThatWereDamagedAreRefused) {
  ASSERT_EQ(run(arguments(path("whole"))), 0) << log();
  const fs::path batch = path("whole") / "batches" / "batch_0001.safetensors";
  const std::string content = text_of(batch), samples = text_of(path("whole") / "samples.safetensors");
  const auto expect_refused = [&](const std::string& bytes, const std::string& words) {
    io::write_file(batch, bytes);
    EXPECT_EQ(run({classifier(), "--resume", path("whole")}), 3) << log();
    EXPECT_NE(log().find(words), std::string::npos) << log();
    EXPECT_EQ(text_of(path("whole") / "samples.safetensors"), samples);
  };
  std::string flipped = content;
  flipped.back() ^= 1;
  expect_refused(flipped, "expected a batch that fits its checksum, got another content in ");
  expect_refused(content.substr(0, content.size() - 1), "(truncated file)");
  auto larger = arguments(path("larger"));
  larger[2] = "13";
  ASSERT_EQ(run(larger), 0) << log();
  expect_refused(text_of(path("larger") / "batches" / "batch_0001.safetensors"), "expected the 12 images of a batch");
  io::write_file(batch, content);
  EXPECT_EQ(run({classifier(), "--resume", path("whole")}), 0) << log();
}

TEST_F(InvertApp, ARunKnowsItsClassifier) {
  ASSERT_EQ(run(arguments(path("out"))), 0) << log();
  const std::string manifest = text_of(path("out") / "manifest.json");
  const auto network = make_network("wrn-10-1", 10, {.seed = 3, .device = {}});
  save_classifier(path("other.safetensors"), *network, cifar_normalization());
  EXPECT_EQ(run({path("other.safetensors"), "--resume", path("out")}), 3);
  EXPECT_NE(log().find("got classifier of other content in"), std::string::npos) << log();
  EXPECT_EQ(text_of(path("out") / "manifest.json"), manifest);
}

TEST_F(InvertApp, MethodsThatLearnFromBatchToBatchContinue) {
  for (const char* method : {R"({"name": "cmi", "bank": 24, "negatives": 12, "head": 8})", "fast-2"}) {
    SCOPED_TRACE(method);
    const std::string name = method[0] == '{' ? "cmi" : "fast";
    auto args = arguments(path(name + " whole"));
    args[4] = "3";
    args[6] = "3";
    args[8] = method;
    ASSERT_EQ(run(args), 0) << log();
    args.back() = path(name + " stopped");
    Program program("engram-invert", args, path("log"));
    while (!fs::exists(path(name + " stopped") / "batches" / "batch_0000.safetensors"))
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    program.signal(SIGINT);
    const int code = program.wait();
    ASSERT_TRUE(code == 130 || code == 0) << log();
    ASSERT_EQ(run({classifier(), "--resume", path(name + " stopped")}), 0) << log();
    EXPECT_EQ(text_of(path(name + " stopped") / "samples.safetensors"),
              text_of(path(name + " whole") / "samples.safetensors"));
    EXPECT_NE(text_of(path(name + " whole") / "batches" / "batch_0001.safetensors"),
              text_of(path(name + " whole") / "batches" / "batch_0002.safetensors"));
    EXPECT_EQ(open_dataset("folder", path(name + " whole") / "samples", Split::kTest, 10).count, 36);
  }
}

TEST_F(InvertApp, PartsOfASetAreTheBatchesOfTheWhole) {
  ASSERT_EQ(run(arguments(path("whole"))), 0) << log();
  for (int part = 1; part <= 2; ++part) {
    auto args = arguments(path("part" + std::to_string(part)));
    args.insert(args.end(), {"--shard", std::to_string(part) + "/2"});
    ASSERT_EQ(run(args), 0) << log();
    const std::string batch = "batches/batch_000" + std::to_string(part - 1) + ".safetensors";
    EXPECT_EQ(text_of(path("part" + std::to_string(part)) / batch), text_of(path("whole") / batch));
  }
  EXPECT_EQ(open_dataset("auto", path("part2") / "samples.safetensors", Split::kTest).count, 12);
}

TEST_F(InvertApp, PartsOfNaturalInversionCanBeLeftOut) {
  auto args = arguments(path("full"));
  args[8] = "natural-inversion";
  ASSERT_EQ(run(args), 0) << log();
  std::set<std::string> made = {text_of(path("full") / "samples.safetensors")};
  for (const std::vector<std::string>& without :
       {std::vector<std::string>{"--no-pyramid"}, {"--no-channel-scaling"}, {"--one-generator"}}) {
    args.back() = path(without[0]);
    auto all = args;
    all.insert(all.end(), without.begin(), without.end());
    ASSERT_EQ(run(all), 0) << log();
    EXPECT_TRUE(made.insert(text_of(path(without[0]) / "samples.safetensors")).second) << without[0];
  }
}

TEST_F(InvertApp, AStudentThatFitsIsCompetedWith) {
  auto args = arguments(path("out"));
  args[8] = "adi";
  args.insert(args.end(), {"--student", classifier()});
  ASSERT_EQ(run(args), 0) << log();
  EXPECT_NE(text_of(path("out") / "metrics.jsonl").find("loss/competition"), std::string::npos);
}

TEST_F(InvertApp, BadInputIsOneLineAndItsExitCode) {
  const auto expect = [&](std::vector<std::string> args, int code, const std::string& words) {
    EXPECT_EQ(run(std::move(args)), code) << log();
    EXPECT_NE(log().find(words), std::string::npos) << log();
    const std::string text = log();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1) << text;
  };
  const std::string out = path("bad");
  expect({"--out", out}, 2, "classifier");
  expect({path("none.safetensors"), "--out", out}, 3, "none.safetensors");
  expect({classifier(), "--out", out, "--method", "natural-inversoin"}, 2, "did you mean 'natural-inversion'?");
  for (const char* method : {"natural-inversion", "deep-inversion", "fast"})
    EXPECT_EQ(run({classifier(), "--out", out, "--method", method, "--check"}), 0) << log();
  expect({path("none"), "--out", out, "--check"}, 3, "none");
  expect({classifier(), "--out", out, "--method", "fsat", "--check"}, 2, "did you mean 'fast'?");
  expect({classifier(), "--out", out, "--batch-size", "-1"}, 2, "batch-size");
  expect({classifier(), "--out", out, "--batch-size", "2147483648"}, 2, "1 to 65536 for --batch-size");
  expect({classifier(), "--out", out, "--iteration", "5"}, 2, "--iterations");
  expect({classifier(), "--out", out, "--iterations", "9223372036854775807"}, 2, "0 to 1e+09 for --iterations");
  expect({classifier(), "--out", out, "--num-batches", "2147483647"}, 2, "1 to 1e+06 for --num-batches");
  expect({classifier(), "--out", out, "--method", R"({"name": "nayer", "latent": 100000000000})"}, 2,
         "expected settings that make tensors of a possible size");
  expect({classifier(), "--out", out, "--method", R"({"name": "deep-inversion", "z": 1})"}, 2,
         "[deep-inversion] expected no settings beside the name, as options of their own set this method");
  EXPECT_EQ(run({classifier(), "--out", out, "--method", R"({"name": "deep-inversion"})", "--check"}), 0) << log();
  expect({classifier(), "--out", out, "--method", "adi"}, 2, "expected a student");
  expect({classifier(), "--out", out, "--shard", "3/2"}, 2, "I/N with 1 <= I <= N, got '3/2'");
  expect({classifier(), "--out", out, "--shard", "2/2"}, 2, "as many parts as the 1 batches");
  expect({classifier(), "--out", out, "--shard", "1/2", "--method", "fast"}, 2, "learn from those before");
  save_classifier(path("plain"), *make_network(R"({"name": "vgg8", "width": 16, "batch_norm": false})", 10),
                  cifar_normalization());
  expect({path("plain"), "--out", out, "--method", "cmi"}, 3, "expected a teacher with batch normalisation");
  const auto overflowing = make_network("wrn-10-1", 10, {.seed = 3});
  overflowing->parameters()[0].data<float>()[0] = std::numeric_limits<float>::max();
  save_classifier(path("overflow"), *overflowing, cifar_normalization());
  expect({path("overflow"), "--out", out}, 3, "expected finite logits, got");
  expect({path("overflow"), "--out", out}, 3, "the first layer whose output is not finite: ");
  save_classifier(path("two"), *make_network("wrn-10-1", 2), cifar_normalization());
  expect({classifier(), "--out", out, "--method", "fast", "--student", path("two")}, 3,
         "student of the teacher's 10 classes, got one of 2");
  EXPECT_FALSE(fs::exists(out));
}

}  // namespace
}  // namespace engram::testing
