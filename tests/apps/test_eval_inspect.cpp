/// engram-eval and engram-inspect as a user runs them: results, and bad input as one line with its exit code.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>
#include <sstream>

#include "engine/io/atomic_file.h"
#include "engine/io/png.h"
#include "engine/io/tensor_io.h"
#include "models/classifier_file.h"
#include "models/data/image_folder.h"
#include "models/training/evaluate.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram::test {
namespace {

namespace fs = std::filesystem;

constexpr int kClasses = 4;
constexpr const char* kHead = "fc.weight";  // [kClasses, 64]

/// A small random classifier and a set of random images, in files.
class Tools : public ::testing::Test {
 protected:
  void SetUp() override {
    network_ = make_network("wrn-10-1", kClasses, {.seed = 5});
    network_->eval();
    save_classifier(classifier(), *network_, cifar_normalization(), {{"note", "made\nfor a test"}});
    data_.name = "packed";
    data_.count = 30;
    data_.channels = 3;
    data_.height = data_.width = 32;
    data_.num_classes = kClasses;
    data_.class_names = {"owl", "fox", "elk", "none of these"};
    data_.normalization = cifar_normalization();
    std::uint32_t state = 1;
    for (dim_t i = 0; i < data_.count; ++i) {
      data_.labels.push_back(std::int32_t(i % 3));  // no image of the last class
      for (dim_t p = 0; p < 3072; ++p) {
        state = state * 1664525u + 1013904223u;
        data_.pixels.push_back(std::uint8_t(state >> 24));
      }
    }
    write_packed_images(images(), data_);
  }

  fs::path classifier() const { return folder_ / "classifier.safetensors"; }
  fs::path images() const { return folder_ / "images.safetensors"; }
  fs::path result() const { return folder_ / "result.json"; }

  /// Runs engram-eval with `more` and returns the JSON that it wrote.
  nlohmann::json evaluated(const fs::path& data, std::vector<std::string> more = {}) {
    more.insert(more.begin(), {classifier(), "--data", data, "--out", result()});
    const ProgramResult run = run_program("engram-eval", more);
    EXPECT_EQ(run.code, 0) << run.err;
    EXPECT_EQ(run.err, expected_warning_);
    said_ = run.out;
    const io::Bytes bytes = io::read_file(result());
    return nlohmann::json::parse(io::as_text(bytes));
  }

  /// Expects an exit code and one line on standard error with these words, nothing on standard output, and no new file.
  void expect_error(const std::string& program, const std::vector<std::string>& arguments, int code,
                    const std::vector<std::string>& words) {
    const int before = folder_.count();
    const ProgramResult run = run_program(program, arguments);
    EXPECT_EQ(run.code, code) << run.err;
    EXPECT_TRUE(run.err.starts_with(program + ": ")) << run.err;
    EXPECT_EQ(std::count(run.err.begin(), run.err.end(), '\n'), 1) << run.err;
    for (const std::string& word : words)
      EXPECT_NE(run.err.find(word), std::string::npos) << word << " in: " << run.err;
    EXPECT_EQ(run.out, "");
    EXPECT_EQ(folder_.count(), before);
  }

  /// As above, of engram-eval with these files, asked to write a result.
  void expect_eval_error(const fs::path& classifier, const fs::path& data, int code,
                         const std::vector<std::string>& words, const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {classifier, "--data", data, "--out", folder_ / "never.json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    expect_error("engram-eval", arguments, code, words);
  }

  /// The classifier's file with its bytes changed.
  fs::path damaged(const std::string& name, const std::function<void(io::Bytes&)>& change) {
    io::Bytes bytes = io::read_file(classifier());
    change(bytes);
    io::write_file(folder_ / name, bytes);
    return folder_ / name;
  }

  /// The classifier's file with its tensors or metadata changed.
  fs::path altered(const std::string& name, const std::function<void(io::TensorFile&)>& change) {
    io::TensorFile file = io::load_tensors(classifier());
    change(file);
    io::save_tensors(folder_ / name, file.tensors, file.metadata);
    return folder_ / name;
  }

  TempFolder folder_;
  std::unique_ptr<Network> network_;
  ImageDataset data_;
  std::string said_;
  std::string expected_warning_;  // of engram-eval on standard error
};

void replace(io::Bytes& bytes, const std::string& from, const std::string& to) {
  const auto found = std::search(bytes.begin(), bytes.end(), from.begin(), from.end());
  ASSERT_NE(found, bytes.end()) << from;
  ASSERT_EQ(from.size(), to.size());
  std::copy(to.begin(), to.end(), found);
}

TEST_F(Tools, EvalReportsWhatTheLibraryMeasures) {
  const Evaluation expected = evaluate(*network_, data_);
  const nlohmann::json json = evaluated(images());
  EXPECT_EQ(json["count"], 30);
  EXPECT_EQ(json["correct"], expected.correct);
  EXPECT_EQ(json["confusion"].get<std::vector<std::vector<dim_t>>>(), expected.confusion);
  EXPECT_NEAR(json["loss"].get<double>(), expected.mean_loss, 1e-6);
  EXPECT_EQ(json["arch"], "wrn-10-1");
  EXPECT_EQ(json["parameters"], network_->num_parameters());
  EXPECT_EQ(json["classes"][0]["name"], "owl");
  EXPECT_EQ(json["classes"][0]["correct"], expected.confusion[0][0]);
  EXPECT_TRUE(json["classes"][3]["accuracy"].is_null());
  for (const char* words : {"accuracy", "(", "of 30)", "owl", "none of these", "label \\ predicted"})
    EXPECT_NE(said_.find(words), std::string::npos) << words << " in:\n" << said_;
}

TEST_F(Tools, EvalTakesTheConstantsOfTheClassifiersFile) {
  const Normalization other{{0.1f, 0.2f, 0.3f}, {0.5f, 0.6f, 0.7f}};
  save_classifier(classifier(), *network_, other);
  const double expected = evaluate(*network_, data_, {.normalization = other}).mean_loss;
  EXPECT_NEAR(evaluated(images())["loss"].get<double>(), expected, 1e-6);
  EXPECT_GT(std::abs(evaluate(*network_, data_).mean_loss - expected), 1e-4);
}

TEST_F(Tools, EvalOptionsSayWhatTheySay) {
  const double plain = evaluate(*network_, data_).mean_loss,
               flip = evaluate(*network_, data_, {.flip = true}).mean_loss;
  EXPECT_NEAR(evaluated(images(), {"--test-flip", "--batch-size", "7"})["loss"].get<double>(), flip, 1e-6);
  EXPECT_NEAR(evaluated(images(), {"--exact"})["loss"].get<double>(), plain, 1e-5);
  const nlohmann::json limited = evaluated(images(), {"--limit", "10"});
  EXPECT_EQ(limited["count"], 10);
  EXPECT_EQ(evaluated(images(), {"--limit", "100"})["count"], 30);
  evaluated(images(), {"--profile", "--threads", "1"});
  EXPECT_NE(said_.find("% of roofline"), std::string::npos) << said_;
  EXPECT_NE(said_.find("conv2d"), std::string::npos) << said_;
  EXPECT_NE(said_.find("GFLOP/s"), std::string::npos) << said_;
}

TEST_F(Tools, EvalReadsFoldersOfSynthesisedImages) {
  const io::Bytes noise(data_.pixels.begin(), data_.pixels.begin() + 3072);
  for (const char* name : {"s00", "s02"}) {
    fs::create_directories(folder_ / "run" / name);
    io::write_png(folder_ / "run" / name / "0.png", {32, 32, 3, noise});
  }
  expected_warning_ = "labels of class folders, by number: s00 = 0, s02 = 2\n";
  const nlohmann::json json = evaluated(folder_ / "run");
  EXPECT_EQ(json["dataset"], "folder");
  EXPECT_EQ(json["count"], 2);
  EXPECT_EQ(json["classes"].size(), std::size_t(kClasses));
  EXPECT_EQ(json["classes"][2]["count"], 1);
  expected_warning_ = "";
  evaluated(folder_ / "run", {"--quiet"});
}

TEST_F(Tools, EvalReplacesNothingThatItReads) {
  const io::Bytes before = io::read_file(classifier());
  const std::vector<std::string> words = {classifier(), "--data", images()};
  const auto refused = [&](const std::vector<std::string>& more, const std::string& what) {
    std::vector<std::string> all = words;
    all.insert(all.end(), more.begin(), more.end());
    expect_error("engram-eval", all, 2, {what});
  };
  fs::create_symlink(classifier(), folder_ / "link");
  refused({"--out", classifier()}, "a file that is no input");
  refused({"--predictions", folder_ / "link"}, "a file that is no input");
  refused({"--out", folder_ / "." / "images.safetensors"}, "a file that is no input");
  refused({"--out", folder_ / "both", "--predictions", folder_ / "." / "both"}, "a file of its own");
  EXPECT_EQ(io::read_file(classifier()), before);
  evaluated(images());
  evaluated(images());  // its own earlier result is replaced
}

TEST_F(Tools, EvalWritesPredictions) {
  const fs::path file = folder_ / "predictions.csv";
  evaluated(images(), {"--predictions", file});
  const io::Bytes bytes = io::read_file(file);
  std::istringstream lines{std::string(io::as_text(bytes))};
  std::string line;
  std::getline(lines, line);
  EXPECT_EQ(line, "index,label,predicted,logit_0,logit_1,logit_2,logit_3");
  dim_t image = 0;
  evaluate(*network_, data_, {.observe = [&](std::int32_t label, std::span<const float> logits) {
    ASSERT_TRUE(std::getline(lines, line));
    std::istringstream cells(line);
    std::vector<float> numbers;
    for (std::string cell; std::getline(cells, cell, ',');) numbers.push_back(std::stof(cell));
    ASSERT_EQ(numbers.size(), 7u);
    EXPECT_EQ(numbers[0], float(image++));
    EXPECT_EQ(numbers[1], float(label));
    EXPECT_EQ(numbers[2], float(std::max_element(logits.begin(), logits.end()) - logits.begin()));
    for (int c = 0; c < kClasses; ++c) EXPECT_EQ(numbers[3 + std::size_t(c)], logits[std::size_t(c)]);
  }});
  EXPECT_EQ(image, 30);
  EXPECT_FALSE(std::getline(lines, line));
  expect_eval_error(classifier(), images(), 3, {"no/such"}, {"--predictions", folder_ / "no/such/file.csv"});
  // What cannot be written is known before a set is read, which may take long: this one holds no images.
  expect_eval_error(classifier(), classifier(), 3, {"no/such"}, {"--predictions", folder_ / "no/such/file.csv"});
  expect_error("engram-eval", {classifier(), "--data", classifier(), "--out", folder_ / "no/such/r.json"}, 3,
               {"r.json"});
}

TEST_F(Tools, EvalTakesRunFolders) {
  const fs::path trained = folder_ / "trained", inverted = folder_ / "inverted";
  fs::create_directories(trained);
  fs::copy(classifier(), trained / "classifier.safetensors");
  fs::create_directories(inverted / "batches");
  expect_eval_error(trained, inverted, 3, {"has not finished", "inverted"});
  fs::copy(images(), inverted / "samples.safetensors");
  const ProgramResult run = run_program("engram-eval", {trained, "--data", inverted});
  EXPECT_EQ(run.code, 0) << run.err;
  EXPECT_NE(run.out.find("of 30)"), std::string::npos) << run.out;
}

TEST_F(Tools, EvalTakesAFileWithoutMetadataWhenTheNetworkIsNamed) {
  const fs::path bare = altered("bare.safetensors", [](io::TensorFile& file) { file.metadata.clear(); });
  expect_eval_error(bare, images(), 3, {"bare.safetensors", "\"arch\"", "wrn[-{depth}-{widen}]"});
  EXPECT_EQ(run_program("engram-eval", {bare, "--data", images(), "--arch", "wrn-10-1"}).code, 0);
  expect_eval_error(bare, images(), 3, {"block1.layer.0"}, {"--arch", "resnet20"});
  expect_eval_error(bare, images(), 3, {"wrn-11-1", "expected a depth of 10, 16, 22"}, {"--arch", "wrn-11-1"});
}

TEST_F(Tools, EvalRefusesFilesThatAreNotWhole) {
  expect_eval_error(folder_ / "none", images(), 3, {"none"});
  fs::create_directories(folder_ / "empty");
  expect_eval_error(folder_ / "empty", images(), 3, {"empty"});
  const fs::path truncated = damaged("truncated", [](io::Bytes& b) { b.resize(b.size() - 10); });
  expect_eval_error(truncated, images(), 3, {"truncated"});
  const fs::path stump = damaged("stump", [](io::Bytes& b) { b.resize(5); });
  expect_eval_error(stump, images(), 3, {"stump", "8 bytes"});
  const fs::path oversized = damaged("oversized", [](io::Bytes& b) { b.insert(b.end(), 4, 0); });
  expect_eval_error(oversized, images(), 3, {"oversized"});
  const fs::path endless = damaged("endless", [](io::Bytes& b) { std::fill_n(b.begin(), 8, 0xff); });
  expect_eval_error(endless, images(), 3, {"endless"});
  const fs::path lying = damaged("lying", [](io::Bytes& b) { replace(b, "\"shape\":[4,64]", "\"shape\":[5,64]"); });
  expect_eval_error(lying, images(), 3, {"lying", kHead});
  const fs::path overlap =
      damaged("overlap", [](io::Bytes& b) { replace(b, "\"data_offsets\":[0,", "\"data_offsets\":[4,"); });
  expect_eval_error(overlap, images(), 3, {"overlap"});
}

TEST_F(Tools, EvalNamesTheTensorsThatDoNotFit) {
  const fs::path missing = altered("missing", [](io::TensorFile& f) { f.tensors.erase("block2.layer.0.bn1.weight"); });
  expect_eval_error(missing, images(), 3, {"missing", "missing: block2.layer.0.bn1.weight"});
  const fs::path extra = altered("extra", [](io::TensorFile& f) { f.tensors["more"] = Tensor::ones({2}); });
  expect_eval_error(extra, images(), 3, {"unexpected: more"});
  const fs::path misfit = altered("misfit", [](io::TensorFile& f) { f.tensors[kHead] = Tensor::ones({4, 63}); });
  expect_eval_error(misfit, images(), 3, {"misfit", kHead, "[4,64]", "[4,63]"});
  for (const float value : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    const fs::path bad = altered("bad", [&](io::TensorFile& f) { f.tensors[kHead].data<float>()[7] = value; });
    expect_eval_error(bad, images(), 3, {"bad", kHead, "finite", "element 7"});
  }
  const fs::path classes = altered("classes", [](io::TensorFile& f) { f.metadata["num_classes"] = "-3"; });
  expect_eval_error(classes, images(), 3, {"num_classes", "-3"});
  const fs::path constants = altered("constants", [](io::TensorFile& f) { f.metadata["std"] = "0,1,1"; });
  expect_eval_error(constants, images(), 3, {"\"std\"", "0,1,1"});
}

TEST_F(Tools, EvalNamesWhatIsWrongWithTheData) {
  expect_eval_error(classifier(), folder_ / "nowhere", 3, {"nowhere"});
  fs::create_directories(folder_ / "cifar");
  expect_eval_error(classifier(), folder_ / "cifar", 3, {"test_batch.bin", "t10k-images-idx3-ubyte"});
  expect_eval_error(classifier(), folder_ / "cifar", 3, {"test_batch.bin"}, {"--dataset", "cifar10"});
  const fs::path ten = folder_ / "ten.safetensors";
  save_classifier(ten, *make_network("wrn-10-1", 10, {.seed = 5}), cifar_normalization());
  io::write_file(folder_ / "cifar/test_batch.bin", std::string(3073 * 4 - 1, '\1'));
  expect_eval_error(ten, folder_ / "cifar", 3, {"test_batch.bin"}, {"--dataset", "cifar10"});
  expect_eval_error(ten, folder_ / "cifar", 3, {"test_batch.bin"}, {"--dataset", "cifar10-subset"});
  io::write_file(folder_ / "cifar/test_batch.bin", std::string(3073 * 4, '\x0a'));
  expect_eval_error(ten, folder_ / "cifar", 3, {"label", "10"}, {"--dataset", "cifar10-subset"});

  data_.num_classes = 9;
  data_.class_names.resize(9);
  data_.labels[3] = 8;
  write_packed_images(images(), data_);
  expect_eval_error(classifier(), images(), 3, {"expected images of 4 classes, got 9", "images.safetensors"});

  ImageDataset small = data_;
  small.num_classes = kClasses;
  small.class_names.resize(kClasses);
  small.height = small.width = 16;
  small.count = 120;
  small.labels.assign(120, 1);
  write_packed_images(images(), small);
  expect_eval_error(classifier(), images(), 3, {"expected images of 3x32x32", "got 3x16x16", "images.safetensors"});
  expect_eval_error(classifier(), classifier(), 3, {"images [N,C,H,W]"});
  fs::copy_file(images(), folder_ / "test_batch.bin");
  expect_eval_error(classifier(), folder_ / "test_batch.bin", 2, {"expected the folder of the data set, got one of"});
}

TEST_F(Tools, EvalNamesWhatIsWrongWithTheOptions) {
  const fs::path c = classifier(), d = images();
  expect_eval_error(c, d, 2, {"batch-size", "got '0'"}, {"--batch-size", "0"});
  expect_eval_error(c, d, 2, {"batch-size", "got '-4'"}, {"--batch-size", "-4"});
  expect_eval_error(c, d, 2, {"--batch-sise", "did you mean '--batch-size'"}, {"--batch-sise", "4"});
  expect_eval_error(c, d, 2, {"dataset", "cifar10"}, {"--dataset", "cifar-10"});
  expect_eval_error(c, d, 2, {"split"}, {"--split", "validation"});
  expect_eval_error(c, d, 2, {"limit"}, {"--limit", "-1"});
  expect_eval_error(c, d, 4, {"expected auto, cpu, cuda", "gpu"}, {"--device", "gpu"});
  expect_error("engram-eval", {}, 2, {"CLASSIFIER"});
  expect_error("engram-eval", {c}, 2, {"--data"});
  expect_error("engram-eval", {c, "--data", d, "--out", folder_ / "no/such/result.json"}, 3, {"result.json"});
  expect_error("engram-eval", {c, "--data", d, "--out", folder_.path()}, 3, {folder_.path().string()});
}

TEST_F(Tools, InspectShowsTensorsStatisticsAndMetadata) {
  const fs::path bad = altered("bad", [](io::TensorFile& f) { f.tensors[kHead].data<float>()[0] = NAN; });
  const ProgramResult run = run_program("engram-inspect", {bad});
  EXPECT_EQ(run.code, 0) << run.err;
  for (const std::string& words :
       {std::string("arch: wrn-10-1"), std::string("note: made for a test"), std::string("F32 [4,64]"),
        std::string("1 (1 NaN, 0 infinite)"), std::string("1 elements are not finite"),
        "parameters  " + std::to_string(network_->num_parameters()) + "\n"})
    EXPECT_NE(run.out.find(words), std::string::npos) << words << " in:\n" << run.out;
}

TEST_F(Tools, InspectPrintsJson) {
  const fs::path bad = altered("bad", [](io::TensorFile& f) { f.tensors[kHead].data<float>()[0] = NAN; });
  const ProgramResult run = run_program("engram-inspect", {bad, "--json"});
  ASSERT_EQ(run.code, 0) << run.err;
  const nlohmann::json json = nlohmann::json::parse(run.out);
  EXPECT_EQ(json["parameters"], network_->num_parameters());
  EXPECT_EQ(json["metadata"]["arch"], "wrn-10-1");
  const auto& tensors = json["tensors"];
  const auto head = std::find_if(tensors.begin(), tensors.end(), [](const auto& t) { return t["name"] == kHead; });
  ASSERT_NE(head, tensors.end());
  EXPECT_EQ((*head)["dtype"], "F32");
  EXPECT_EQ((*head)["shape"], (std::vector<dim_t>{kClasses, 64}));
  EXPECT_EQ((*head)["nan"], 1);
  EXPECT_GT((*head)["max"].get<double>(), (*head)["min"].get<double>());

  const ProgramResult diff = run_program("engram-inspect", {"--diff", classifier(), bad, "--json"});
  const nlohmann::json differences = nlohmann::json::parse(diff.out);
  EXPECT_EQ(differences["different"], 1);
  EXPECT_EQ(differences["tensors"][0]["name"], kHead);
  EXPECT_TRUE(differences["tensors"][0]["max_absolute"].is_null());
}

// Types that the reference library writes today and that nothing here computes with.
TEST_F(Tools, InspectShowsTypesThatItCannotRead) {
  std::string header =
      R"({"q":{"dtype":"F4","shape":[3,2],"data_offsets":[0,3]},"r":{"dtype":"F8_E4M3FNUZ","shape":[2],"data_offsets":[3,5]}})";
  io::Bytes file;
  io::append_le(file, std::uint64_t(header.size()));
  file.insert(file.end(), header.begin(), header.end());
  file.insert(file.end(), 5, 0x21);
  io::write_file(folder_ / "low", file);
  const ProgramResult run = run_program("engram-inspect", {folder_ / "low"});
  EXPECT_EQ(run.code, 0) << run.err;
  for (const char* words : {"F4 [3,2]", "F8_E4M3FNUZ [2]", "parameters  8\n", "          -           -  -\n"})
    EXPECT_NE(run.out.find(words), std::string::npos) << words << " in:\n" << run.out;
  const auto json = nlohmann::json::parse(run_program("engram-inspect", {folder_ / "low", "--json"}).out);
  EXPECT_EQ(json["tensors"][0]["count"], 6);
  EXPECT_EQ(json["tensors"][0]["bytes"], 3);
  EXPECT_TRUE(json["tensors"][0]["max"].is_null());
  EXPECT_EQ(run_program("engram-inspect", {"--diff", folder_ / "low", folder_ / "low"}).code, 0);
}

TEST_F(Tools, InspectComparesTwoFiles) {
  const ProgramResult same = run_program("engram-inspect", {"--diff", classifier(), classifier()});
  EXPECT_EQ(same.code, 0);
  EXPECT_NE(same.out.find(" 0 differ, 0 only in A, 0 only in B; 0 metadata differ"), std::string::npos) << same.out;
  const fs::path other = altered("other", [](io::TensorFile& f) {
    float& first = f.tensors[kHead].data<float>()[3];
    first = std::nextafter(std::nextafter(first, 1e9f), 1e9f);
    f.tensors["fc.bias"] = Tensor::ones({5});
    f.tensors.erase("conv1.weight");
    f.tensors["new"] = Tensor::ones({2, 1});
    f.metadata["arch"] = "other";
  });
  const ProgramResult run = run_program("engram-inspect", {"--diff", classifier(), other});
  EXPECT_EQ(run.code, 0);
  for (const char* words :
       {"1 of 256 differ", "at element 3, max 2 ulp", "F32 [4] against F32 [5]", "only in A: F32 [16,3,3,3]",
        "only in B: F32 [2,1]", "metadata arch: 'wrn-10-1' against 'other'",
        " 2 differ, 1 only in A, 1 only in B; 1 metadata"})
    EXPECT_NE(run.out.find(words), std::string::npos) << words << " in:\n" << run.out;
}

TEST_F(Tools, InspectListsTheDevices) {
  const ProgramResult run = run_program("engram-inspect", {"--devices"});
  EXPECT_EQ(run.code, 0) << run.err;
  for (const char* words : {"cpu", "cuda", "emu", "oneDNN", "Winograd", "threads"})
    EXPECT_NE(run.out.find(words), std::string::npos) << words << " in:\n" << run.out;
}

TEST_F(Tools, InspectListsTheDevicesForPrograms) {
  const ProgramResult run = run_program("engram-inspect", {"--devices", "--json"});
  EXPECT_EQ(run.code, 0) << run.err;
  const auto json = nlohmann::json::parse(run.out);
  ASSERT_GE(json["devices"].size(), 2u) << run.out;
  EXPECT_EQ(json["devices"][0]["device"], "cpu");
  EXPECT_GE(json["devices"][0]["threads"], 1);
  for (const auto& device : json["devices"])
    EXPECT_TRUE(device["available"].get<bool>() ? device.contains("name") : device.contains("reason")) << device;
  EXPECT_TRUE(json["auto"].is_string());
}

TEST_F(Tools, InspectRefusesWhatItCannotRead) {
  const fs::path truncated = damaged("truncated", [](io::Bytes& b) { b.resize(b.size() - 10); });
  expect_error("engram-inspect", {truncated}, 3, {"truncated"});
  expect_error("engram-inspect", {"--diff", classifier(), truncated}, 3, {"truncated"});
  expect_error("engram-inspect", {folder_ / "none"}, 3, {"none"});
  const fs::path folder = folder_ / "folder";
  fs::create_directory(folder);
  expect_error("engram-inspect", {folder}, 3, {folder.string()});
  expect_error("engram-inspect", {}, 2, {"expected 1 file, got 0"});
  expect_error("engram-inspect", {"--diff", classifier()}, 2, {"expected 2 files with --diff, got 1"});
  expect_error("engram-inspect", {"--devices", classifier()}, 2, {"--devices alone"});
  expect_error("engram-inspect", {"--devices", "--json", classifier()}, 2, {"--devices alone or with --json, got"});
  expect_error("engram-inspect", {"--devises"}, 2, {"did you mean '--devices'"});
}

// The fastest of three medians, since the machine may be busy with something else.
TEST(Programs, HelpComesWithinFiftyMilliseconds) {
#ifdef ENGRAM_SANITIZED
  constexpr double kLimit = 0.5;
#else
  constexpr double kLimit = 0.05;
#endif
  const std::vector<std::string> programs = built_programs();
  ASSERT_GE(programs.size(), 2u);
  for (const std::string& program : programs) {
    double best = std::numeric_limits<double>::infinity();
    for (int round = 0; round < 3 && best >= kLimit; ++round) {
      std::vector<double> seconds;
      for (int i = 0; i < 5; ++i) {
        const ProgramResult run = run_program(program, {"--help"});
        EXPECT_EQ(run.code, 0) << program << ": " << run.err;
        EXPECT_NE(run.out.find("Usage: " + program), std::string::npos) << run.out;
        seconds.push_back(run.seconds);
      }
      std::nth_element(seconds.begin(), seconds.begin() + 2, seconds.end());
      best = std::min(best, seconds[2]);
    }
    EXPECT_LT(best, kLimit) << program;
  }
}

}  // namespace
}  // namespace engram::test
