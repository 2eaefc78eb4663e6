/// engram-score and engram-prune as a user runs them: results, runs that go on, bad input.

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <nlohmann/json.hpp>

#include "apps/common/pruning_results.h"
#include "models/classifier_file.h"
#include "models/data/image_folder.h"
#include "tests/support/bright_images.h"
#include "tests/support/cifar_records.h"
#include "tests/support/program.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

/// Two random classifiers of ten classes, a real set in CIFAR's files and a packed set of made images.
class MadeImages : public ::testing::Test {
 protected:
  void SetUp() override {
    for (const auto& [name, seed] : {std::pair{"first", 1}, {"second", 2}}) {
      const auto network = make_network("wrn-10-1", 10, {.seed = std::uint64_t(seed)});
      save_classifier(file(name), *network, cifar_normalization());
    }
    fs::create_directories(folder_ / "real");
    write_cifar_records(folder_ / "real" / "data_batch_1.bin", 40, 1);
    write_cifar_records(folder_ / "real" / "test_batch.bin", 20, 2);
    ImageDataset made = bright_images(30);
    made.num_classes = 10;
    made.class_names.clear();
    for (int c = 0; c < 10; ++c) made.class_names.push_back(std::to_string(c));
    write_packed_images(made_file(), made);
  }

  fs::path file(const std::string& name) const { return folder_ / (name + ".safetensors"); }
  fs::path made_file() const { return file("made"); }
  fs::path out() const { return folder_ / "out"; }
  json json_of(const std::string& name) const { return json::parse(text_of(out() / name)); }

  test::ProgramResult score(std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {made_file(),   "--real",      folder_ / "real", "--dataset", "cifar10-subset",
                                      "--extractor", file("first"), "--out",          out(),       "--threads",
                                      "2",           "--quiet",     "--resamples",    "4"};
    words.insert(words.end(), more.begin(), more.end());
    return test::run_program("engram-score", words);
  }
  test::ProgramResult prune(std::vector<std::string> more = {}) const {
    std::vector<std::string> words = {file("first"), "--data", folder_ / "real", "--dataset", "cifar10-subset",
                                      "--out",       out(),    "--threads",      "2",         "--quiet"};
    words.insert(words.end(), more.begin(), more.end());
    return test::run_program("engram-prune", words);
  }
  /// The run as a kill leaves it: without an end.
  void interrupt() const {
    std::string manifest = text_of(out() / "manifest.json");
    manifest.replace(manifest.find("\"complete\""), 10, "\"running\"");
    std::ofstream(out() / "manifest.json") << manifest;
  }
  /// One line on standard error with these words, nothing else, and no folder.
  void expect_refused(const test::ProgramResult& run, int code, const std::vector<std::string>& words) const {
    EXPECT_EQ(run.code, code) << run.err;
    EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
    for (const std::string& word : words) EXPECT_NE(run.err.find(word), std::string::npos) << word << " in " << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_FALSE(fs::exists(out()));
  }

  test::TempFolder folder_;
};

TEST_F(MadeImages, AreScoredByEachExtractorWithIntervalsFloorsAndPictures) {
  const auto run = score({"--judge", fs::relative(file("second")).string()});
  ASSERT_EQ(run.code, 0) << run.err;
  const json table = json_of("score.json");
  EXPECT_EQ(table["made"], 30);
  EXPECT_EQ(table["real"], 40);
  const json& extractor = table["extractors"].at(0);
  EXPECT_EQ(extractor["label"], "wrn-10-1");
  for (const char* metric : {"fid", "inception_score", "precision", "recall", "density", "coverage"}) {
    EXPECT_TRUE(extractor[metric]["value"].is_number()) << metric;
    EXPECT_LE(extractor[metric]["low"].get<double>(), extractor[metric]["high"].get<double>()) << metric;
  }
  EXPECT_EQ(extractor["floors"].size(), 2u);
  for (const json& floor : extractor["floors"]) EXPECT_GT(floor["fid"].get<double>(), 0);
  EXPECT_EQ(table["judges"].size(), 2u);
  EXPECT_EQ(table["channels"].size(), 3u);
  // Fewer images than the 64 features: said, with what it means and the regularised value.
  EXPECT_TRUE(extractor["fid_regularized"].is_number());
  EXPECT_NE(run.out.find("30 made images for 64 features"), std::string::npos) << run.out;
  EXPECT_NE(run.out.find("with 1e-06 on the variances it is"), std::string::npos) << run.out;
  EXPECT_TRUE(fs::exists(out() / "images" / "final.png"));
  EXPECT_TRUE(fs::exists(out() / "images" / "final_beside_nearest_real.png"));
  const std::string report = text_of(out() / "report.html");
  EXPECT_NE(report.find("test images, 20"), std::string::npos);
  EXPECT_NE(report.find("singular"), std::string::npos);
  EXPECT_NE(text_of(out() / "score.csv").find("wrn-10-1,extractor,coverage,"), std::string::npos);
  const json line = json::parse(text_of(out() / "metrics.jsonl"));
  EXPECT_EQ(line["fid"], extractor["fid"]["value"]);
  const json inputs = json_of("manifest.json")["inputs"];  // found from any folder
  EXPECT_EQ(inputs["judge"], file("second").string());
  EXPECT_EQ(inputs["extractor"], file("first").string());
  interrupt();
  const auto again = test::run_program("engram-score", {"--resume", out(), "--threads", "2", "--quiet"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(json_of("score.json"), table);
}

TEST_F(MadeImages, AnExtractorThatWasInvertedIsMarkedAndLeftOutOfTheMeans) {
  const auto run = score({"--classifier", file("first").string()});
  ASSERT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.out.find("is the classifier that the images were made from"), std::string::npos) << run.out;
  EXPECT_EQ(json_of("score.json")["extractors"][0]["independent"], false);
  EXPECT_NE(text_of(out() / "report.html").find("were made to fit this classifier"), std::string::npos);
  const json line = json::parse(text_of(out() / "metrics.jsonl"));
  EXPECT_FALSE(line.contains("fid"));
  EXPECT_TRUE(line.contains("classifier_accuracy"));
}

// A run folder knows its classifier by the hash of its content.
TEST_F(MadeImages, ARunFolderSaysWhichClassifierWasInverted) {
  const auto invert =
      test::run_program("engram-invert", {file("first"), "--method", "deep-inversion", "--iterations", "1",
                                          "--batch-size", "10", "--out", folder_ / "run", "--threads", "2", "--quiet"});
  ASSERT_EQ(invert.code, 0) << invert.err;
  const auto run =
      test::run_program("engram-score", {folder_ / "run", "--real", folder_ / "real", "--dataset", "cifar10-subset",
                                         "--extractor", file("second").string() + "," + file("first").string(), "--out",
                                         out(), "--quiet", "--resamples", "0"});
  ASSERT_EQ(run.code, 0) << run.err;
  const json table = json_of("score.json");
  EXPECT_EQ(table["extractors"][0]["independent"], true);
  EXPECT_EQ(table["extractors"][1]["independent"], false);
  EXPECT_EQ(table["extractors"][1]["label"], "wrn-10-1-2");
  EXPECT_TRUE(table["extractors"][0]["fid"]["low"].is_null());
}

TEST_F(MadeImages, StatisticsStandInForTheRealImages) {
  const auto made =
      test::run_program("engram-score", {"--statistics", "--real", folder_ / "real", "--dataset", "cifar10-subset",
                                         "--extractor", file("first"), "--out", folder_ / "statistics", "--quiet"});
  ASSERT_EQ(made.code, 0) << made.err;
  const std::string statistics = folder_ / "statistics" / "statistics.safetensors";
  ASSERT_EQ(score().code, 0);
  const double by_images = json_of("score.json")["extractors"][0]["fid"]["value"];
  const auto run = test::run_program("engram-score", {made_file(), "--real", statistics, "--extractor", file("first"),
                                                      "--out", folder_ / "again", "--quiet"});
  ASSERT_EQ(run.code, 0) << run.err;
  const json table = json::parse(text_of(folder_ / "again" / "score.json"));
  EXPECT_NEAR(table["extractors"][0]["fid"]["value"].get<double>(), by_images, 1e-9 * by_images);
  EXPECT_TRUE(table["extractors"][0]["precision"].is_null());
  EXPECT_EQ(table["real"], 40);
  fs::remove_all(out());
  expect_refused(test::run_program("engram-score", {made_file(), "--real", statistics, "--extractor", file("second"),
                                                    "--out", out(), "--quiet"}),
                 3, {"those of another classifier"});
  std::ofstream(statistics, std::ios::app) << "more";
  const auto damaged = test::run_program(
      "engram-score", {made_file(), "--real", statistics, "--extractor", file("first"), "--out", out(), "--quiet"});
  EXPECT_EQ(damaged.code, 3) << damaged.err;
}

TEST_F(MadeImages, ScoreRefusesWhatItCannotUse) {
  expect_refused(test::run_program("engram-score", {"--real", folder_ / "real", "--dataset", "cifar10-subset",
                                                    "--extractor", file("first"), "--out", out(), "--quiet"}),
                 2, {"--statistics"});
  expect_refused(test::run_program("engram-score", {made_file(), "--real", folder_ / "real", "--out", out()}), 2,
                 {"--extractor"});
  ImageDataset others = bright_images(12);
  write_packed_images(file("two_classes"), others);
  expect_refused(
      test::run_program("engram-score", {file("two_classes"), "--real", folder_ / "real", "--dataset", "cifar10-subset",
                                         "--extractor", file("first"), "--out", out(), "--quiet"}),
      3, {"expected images of 10 classes, got 2"});
  // What settings say alone is told before images are read.
  expect_refused(
      test::run_program("engram-score", {"--statistics", "--real", folder_ / "missing", "--extractor",
                                         file("first").string() + "," + file("second").string(), "--out", out()}),
      2, {"--statistics: expected one extractor, got 2"});
  expect_refused(score({"--limit", "6"}), 3, {"at least 7 images", "got 6 made"});
}

TEST_F(MadeImages, PruningLeavesSmallerClassifiersAndACurve) {
  const auto run = prune({"--ratio", "0.2,0.4", "--finetune", made_file(), "--epochs", "1", "--batch-size", "10",
                          "--distill-weight", "3", "--method", "l1"});
  ASSERT_EQ(run.code, 0) << run.err;
  const json table = json_of("pruning.json");
  ASSERT_EQ(table["points"].size(), 2u);
  EXPECT_EQ(table["images"], 30);
  dim_t before = table["parameters"], macs = table["macs"];
  for (const json& point : table["points"]) {
    EXPECT_LT(point["parameters"].get<dim_t>(), before);
    EXPECT_LT(point["macs"].get<dim_t>(), macs);
    EXPECT_TRUE(point["recovered_accuracy"].is_number());
    before = point["parameters"];
    macs = point["macs"];
  }
  const Classifier pruned = load_classifier(out() / "pruned_4000.safetensors");
  EXPECT_EQ(pruned.network->num_parameters(), before);
  EXPECT_NE(pruned.network->arch().find("\"channels\""), std::string::npos);
  const std::string page = text_of(out() / "report.html");
  for (const char* words : {"<h3>Accuracy over the ratio in percent</h3>",
                            "aria-label=\"Line chart of Accuracy over the ratio in percent over"})
    EXPECT_NE(page.find(words), std::string::npos) << words;
  const auto evaluated = test::run_program(
      "engram-eval", {out() / "pruned_4000.safetensors", "--data", folder_ / "real", "--dataset", "cifar10-subset"});
  EXPECT_EQ(evaluated.code, 0) << evaluated.err;
}

TEST_F(MadeImages, SparseTrainingComesFirstAndAResumedRunKeepsWhatIsDone) {
  const std::vector<std::string> words = {"--ratio",
                                          "0.2",
                                          "--finetune",
                                          folder_ / "real",
                                          "--finetune-dataset",
                                          "cifar10-subset",
                                          "--epochs",
                                          "1",
                                          "--batch-size",
                                          "10",
                                          "--sparse-epochs",
                                          "1",
                                          "--sparsity",
                                          "0.01",
                                          "--limit",
                                          "20"};
  ASSERT_EQ(prune(words).code, 0);
  const std::string before = text_of(out() / "pruned_2000.safetensors"), sparse = text_of(out() / "sparse.safetensors");
  const json table = json_of("pruning.json");
  fs::remove(out() / "pruned_2000.safetensors");
  interrupt();
  const auto again = test::run_program("engram-prune", {"--resume", out(), "--threads", "2", "--quiet"});
  ASSERT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(text_of(out() / "pruned_2000.safetensors"), before);
  EXPECT_EQ(text_of(out() / "sparse.safetensors"), sparse);
  EXPECT_EQ(json_of("pruning.json"), table);
}

TEST_F(MadeImages, RunsKnowTheirInputs) {
  const auto refused = [&](const char* program, const std::string& words) {
    const std::string manifest = text_of(out() / "manifest.json");
    const auto run = test::run_program(program, {"--resume", out(), "--threads", "2", "--quiet"});
    EXPECT_EQ(run.code, 3) << run.err;
    EXPECT_NE(run.err.find(words), std::string::npos) << run.err;
    EXPECT_EQ(text_of(out() / "manifest.json"), manifest);
  };
  ASSERT_EQ(score().code, 0);
  interrupt();
  fs::rename(file("first"), file("kept"));
  fs::copy_file(file("second"), file("first"));
  refused("engram-score", "got extractor/0 of other content in");
  fs::rename(file("kept"), file("first"));
  write_cifar_records(folder_ / "real" / "data_batch_1.bin", 40, 3);
  refused("engram-score", "got real/train of other content in");
  fs::remove_all(out());

  ASSERT_EQ(prune({"--method", "l1", "--ratio", "0.2"}).code, 0);
  interrupt();
  write_cifar_records(folder_ / "real" / "test_batch.bin", 20, 4);
  refused("engram-prune", "got data/test of other content in");
}

TEST_F(MadeImages, PruneTakesNoFilesOfItsOwnThatChanged) {
  ASSERT_EQ(prune({"--method", "l1", "--ratio", "0.2,0.4"}).code, 0);
  const fs::path pruned = out() / "pruned_2000.safetensors", finished = out() / "finished.json";
  const std::string weights = text_of(pruned), hashes = text_of(finished), table = text_of(out() / "pruning.json");
  interrupt();
  const auto resumed_with = [&](const fs::path& file, const std::string& content) {
    std::ofstream(file, std::ios::binary) << content;
    const auto run = test::run_program("engram-prune", {"--resume", out(), "--threads", "2", "--quiet"});
    std::ofstream(pruned, std::ios::binary) << weights;
    std::ofstream(finished) << hashes;
    return run;
  };
  std::string flipped = weights;
  flipped.back() ^= 1;
  for (const std::string& damaged : {flipped, weights.substr(0, 100), std::string()}) {
    const auto run = resumed_with(pruned, damaged);
    EXPECT_EQ(run.code, 3) << run.err;
    EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
    EXPECT_NE(run.err.find("pruned_2000.safetensors: expected what the run wrote"), std::string::npos) << run.err;
  }
  std::string other_digit = hashes;
  other_digit[30] = hashes[30] == '0' ? '1' : '0';
  for (const std::string& damaged :
       {std::string(), std::string("[1]"), std::string("{\"crc32c\": 1}"), hashes.substr(1), other_digit}) {
    const auto run = resumed_with(finished, damaged);
    EXPECT_EQ(run.code, 3) << run.err;
    EXPECT_NE(run.err.find("finished.json: expected the names and hashes"), std::string::npos) << run.err;
  }
  fs::remove(finished);  // as a kill between a classifier and its hash leaves it: made again
  const auto again = test::run_program("engram-prune", {"--resume", out(), "--threads", "2", "--quiet"});
  EXPECT_EQ(again.code, 0) << again.err;
  EXPECT_EQ(text_of(pruned), weights);
  EXPECT_EQ(text_of(finished), hashes);
  EXPECT_EQ(text_of(out() / "pruning.json"), table);
}

TEST_F(MadeImages, AccuraciesInTheMetadataOfAPrunedClassifierAreChecked) {
  apps::PruningPoint point;
  apps::read_accuracies(apps::accuracy_notes({.pruned_accuracy = 0.1, .recovered_accuracy = 2.0 / 3}), point);
  EXPECT_EQ(point.pruned_accuracy, 0.1);
  EXPECT_EQ(point.recovered_accuracy, 2.0 / 3);
  for (const char* text : {"", "x", "0.5x", "nan", "-0.1", "1.5", "1e999"})
    EXPECT_THROW(apps::read_accuracies({{"accuracy_pruned", text}}, point), DataError) << text;
  EXPECT_THROW(apps::read_accuracies({}, point), DataError);
}

TEST_F(MadeImages, PruneRefusesWhatItCannotDo) {
  expect_refused(prune({"--method", "l1", "--ratio", "0.20001,0.20004"}), 2, {"first four decimals"});
  expect_refused(prune({"--ratio", "0.99", "--method", "l1"}), 2,
                 {"leaves each layer a channel", "the largest possible ratio is 0.9375"});
  // Gains of a network that was never trained are all 1: any ratio takes all of them.
  expect_refused(prune({"--ratio", "0.3"}), 2, {"leaves each layer a channel", "no ratio leaves it one"});
  expect_refused(prune({"--published", "vgg16"}), 2, {"--method l1"});
  expect_refused(prune({"--method", "l1", "--published", "vgg16"}), 2,
                 {"expected a classifier with the network vgg16", "got wrn-10-1"});
  expect_refused(prune({"--method", "l1", "--stage-ratios", "0.1,0.1,0.1,0.1"}), 2, {"each of 3 stages, got 4"});
  expect_refused(test::run_program("engram-prune", {file("first"), "--data", folder_ / "missing", "--method", "l1",
                                                    "--ratio", "0.99", "--out", out(), "--quiet"}),
                 2, {"the largest possible ratio is 0.9375"});  // before images are read
  expect_refused(prune({"--method", "l1", "--skip", "3"}), 2, {"to stay whole (", "got 3"});
  expect_refused(prune({"--sparse-epochs", "1"}), 2, {"--finetune"});
  ImageDataset others = bright_images(12);
  write_packed_images(file("two_classes"), others);
  expect_refused(prune({"--method", "l1", "--finetune", file("two_classes")}), 3,
                 {"expected images of 10 classes, got 2"});
  expect_refused(prune({"--method", "l1", "--finetune", made_file(), "--batch-size", "31"}), 2, {"at most the 30"});
}

}  // namespace
}  // namespace engram::testing
