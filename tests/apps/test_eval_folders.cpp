/// engram-eval on folders of PNG files as people have them: class names, numbers, capital extensions, surplus bytes,
/// grey images. The classifier is random; the folders are sorted by what it predicts, so the right accuracy is 100 %.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/autograd.h"
#include "engine/io/atomic_file.h"
#include "engine/io/png.h"
#include "models/classifier_file.h"
#include "models/data/class_names.h"
#include "models/data/device_dataset.h"
#include "models/data/network_images.h"
#include "models/data/resize.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

using test::run_program;
namespace fs = std::filesystem;

class EvalFolders : public ::testing::Test {
 protected:
  EvalFolders() : network_(make_network("wrn-10-1", 10, {.seed = 5})) {
    save_classifier(classifier(), *network_, cifar_normalization(), {{"dataset", "cifar10"}});
  }

  fs::path classifier() const { return folder_ / "classifier.safetensors"; }

  /// A random image of this size.
  io::Image image(unsigned seed, dim_t channels, dim_t side) const {
    io::Image image{side, side, channels, {}};
    std::uint32_t state = seed * 977 + 1;
    for (dim_t i = 0; i < side * side * channels; ++i) {
      state = state * 1664525u + 1013904223u;
      image.pixels.push_back(std::uint8_t((state >> 24) * (seed % 4 + 1) / 4));
    }
    return image;
  }

  /// The class that the network sees in the image.
  int predicted(const io::Image& image) {
    ImageDataset data;
    data.name = "one";
    data.count = 1;
    data.channels = image.channels;
    data.height = image.height;
    data.width = image.width;
    data.labels = {0};
    data.num_classes = 10;
    data.class_names = cifar10_class_names();
    data.normalization = cifar_normalization();
    data.normalization.mean.resize(std::size_t(image.channels));
    data.normalization.std.resize(std::size_t(image.channels));
    const dim_t pixels = image.width * image.height;
    for (dim_t c = 0; c < image.channels; ++c)
      for (dim_t p = 0; p < pixels; ++p) data.pixels.push_back(image.pixels[std::size_t(p * image.channels + c)]);
    if (image.height > 32) data = resize_images(data, {32, 32});
    const ImageDataset fitting = network_images(data, network_->image(), "test");
    const DeviceDataset on_device(fitting, {}, cifar_normalization());
    const Tensor draws = Tensor::from(std::vector<std::int32_t>(4), {1, 4});
    const NoGradGuard no_grad;
    network_->eval();
    const ImageBatch batch = gather_images(on_device.stored(), {draws, {}, false}, on_device.values());
    const std::vector<float> logits = network_->logits_inference(batch.images).to_vector();
    return int(std::max_element(logits.begin(), logits.end()) - logits.begin());
  }

  /// Writes images into folders that `name` names by the predicted class; returns how many.
  int write(const fs::path& root, const std::function<std::string(int)>& name, const std::string& extension = ".png",
            const std::string& surplus = {}, dim_t channels = 3, dim_t side = 32) {
    std::map<int, int> per_class;
    for (unsigned seed = 0; seed < 12; ++seed) {
      const io::Image one = image(seed, channels, side);
      const int label = predicted(one);
      io::Bytes bytes = io::encode_png(one);
      bytes.insert(bytes.end(), surplus.begin(), surplus.end());
      fs::create_directories(root / name(label));
      io::write_file(root / name(label) / (std::to_string(seed) + extension), bytes);
      ++per_class[label];
    }
    EXPECT_LT(per_class.size(), 10u);
    return 12;
  }

  /// Evaluates and returns standard error; all images must be right.
  std::string expect_all_right(const fs::path& root, int count, const std::vector<std::string>& more = {}) {
    const fs::path json = folder_ / "result.json";
    std::vector<std::string> arguments = {classifier().string(), "--data", root.string(), "--out", json.string()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const test::ProgramResult result = run_program("engram-eval", arguments);
    EXPECT_EQ(result.code, 0) << result.err;
    if (result.code != 0) return result.err;
    const io::Bytes bytes = io::read_file(json);
    const auto all = nlohmann::json::parse(bytes.begin(), bytes.end());
    EXPECT_EQ(all["count"], count);
    EXPECT_EQ(all["correct"], count) << result.out;
    EXPECT_EQ(all["classes"][3]["name"], "cat");
    return result.err;
  }

  test::TempFolder folder_;
  std::unique_ptr<Network> network_;
};

std::string class_name(int label) {
  return cifar10_class_names()[std::size_t(label)];
}

TEST_F(EvalFolders, SomeClassesByTheirNames) {
  const int count = write(folder_ / "named", class_name);
  const std::string said = expect_all_right(folder_ / "named", count);
  EXPECT_NE(said.find("labels of class folders, by name: "), std::string::npos) << said;
}

TEST_F(EvalFolders, NumbersMeanTheLabel) {
  const int count = write(folder_ / "numbers", [](int label) { return "0" + std::to_string(label); });
  expect_all_right(folder_ / "numbers", count);
}

TEST_F(EvalFolders, NamesOfNoClassAreRefused) {
  write(folder_ / "odd", [](int label) { return "kind" + std::to_string(label); });
  const test::ProgramResult result =
      run_program("engram-eval", {classifier().string(), "--data", (folder_ / "odd").string()});
  EXPECT_EQ(result.code, 3);
  EXPECT_NE(result.err.find("hint: rename the folders"), std::string::npos) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

TEST_F(EvalFolders, CapitalExtensionsAndSurplusBytes) {
  expect_all_right(folder_ / "capitals", write(folder_ / "capitals", class_name, ".PNG"));
  expect_all_right(folder_ / "surplus", write(folder_ / "surplus", class_name, ".png", std::string(20, '\0') + "\n"));
}

TEST_F(EvalFolders, SmallGreyImagesArePadded) {
  expect_all_right(folder_ / "grey", write(folder_ / "grey", class_name, ".png", {}, 1, 28));
}

TEST_F(EvalFolders, OtherSizesAreResizedOnRequest) {
  const int count = write(folder_ / "large", class_name, ".png", {}, 3, 48);
  const std::vector<std::string> arguments = {classifier().string(), "--data", (folder_ / "large").string()};
  const test::ProgramResult refused = run_program("engram-eval", arguments);
  EXPECT_EQ(refused.code, 3);
  EXPECT_NE(refused.err.find("got 3x48x48"), std::string::npos) << refused.err;
  // More than the network takes is known before anything is resized.
  const test::ProgramResult larger =
      run_program("engram-eval", {classifier().string(), "--data", "nowhere", "--image-size", "4096"});
  EXPECT_EQ(larger.code, 2);
  EXPECT_NE(larger.err.find("--image-size: expected at most 32x32"), std::string::npos) << larger.err;
  expect_all_right(folder_ / "large", count, {"--image-size", "32"});
}

/// MNIST's test files with one dark image.
void write_digits(const fs::path& folder) {
  io::Bytes images = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 28, 0, 0, 0, 28};
  images.resize(images.size() + 28 * 28, 3);
  fs::create_directories(folder);
  io::write_file(folder / "t10k-images-idx3-ubyte", images);
  io::write_file(folder / "t10k-labels-idx1-ubyte", io::Bytes{0, 0, 8, 1, 0, 0, 0, 1, 7});
}

TEST_F(EvalFolders, SetsOfOtherClassesAreRefused) {
  write_digits(folder_ / "mnist");
  const test::ProgramResult result =
      run_program("engram-eval", {classifier().string(), "--data", (folder_ / "mnist").string()});
  EXPECT_EQ(result.code, 3);
  EXPECT_NE(result.err.find("expected images of the classes airplane, "), std::string::npos) << result.err;
  EXPECT_NE(result.err.find(": there is no class 0; hint: "), std::string::npos) << result.err;
  EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
}

TEST_F(EvalFolders, ImagesOfAnotherKindAreWarnedOf) {
  write_digits(folder_ / "mnist");
  save_classifier(classifier(), *network_, cifar_normalization());  // names no classes
  const test::ProgramResult result =
      run_program("engram-eval", {classifier().string(), "--data", (folder_ / "mnist").string()});
  EXPECT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.err.find("warning: these images are not like those that the classifier was trained on"),
            std::string::npos)
      << result.err;
  EXPECT_NE(result.err.find("they are grey"), std::string::npos) << result.err;
}

TEST_F(EvalFolders, ARunFolderStandsForItsClassifierOrSaysWhatItIs) {
  write(folder_ / "images", class_name);
  const auto run_with = [&](const std::string& program, const std::string& status,
                            const std::vector<std::string>& classifiers) {
    const fs::path run = folder_ / (program + " " + status);
    fs::create_directories(run);
    io::write_file(run / "manifest.json",
                   R"({"engram": "run", "program": ")" + program + R"(", "status": ")" + status + "\"}");
    for (const std::string& name : classifiers) fs::copy_file(classifier(), run / name);
    return run;
  };
  const auto evaluate = [&](const fs::path& subject, const fs::path& data) {
    return run_program("engram-eval", {subject.string(), "--data", data.string()});
  };
  const auto refused = [&](const fs::path& subject, const fs::path& data, const std::string& words) {
    const test::ProgramResult result = evaluate(subject, data);
    EXPECT_EQ(result.code, 3);
    EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
    EXPECT_EQ(std::count(result.err.begin(), result.err.end(), '\n'), 1) << result.err;
  };
  const fs::path images = folder_ / "images";
  EXPECT_EQ(evaluate(run_with("engram-prune", "complete", {"pruned_5000.safetensors"}), images).code, 0);
  refused(run_with("engram-prune", "interrupted", {"pruned_5000.safetensors"}), images,
          "an interrupted run of engram-prune (hint: engram-prune --resume ");
  fs::remove_all(folder_ / "engram-prune complete");
  refused(run_with("engram-prune", "complete", {"pruned_3000.safetensors", "pruned_5000.safetensors"}), images,
          "which has several; hint: name one of pruned_3000.safetensors, pruned_5000.safetensors");
  refused(run_with("engram-train", "interrupted", {}), images,
          "an interrupted run of engram-train (hint: engram-train --resume ");
  const fs::path score = run_with("engram-score", "complete", {}), empty = folder_ / "empty";
  refused(score, images, "the complete run of engram-score, which has none");
  refused(classifier(), score, "the complete run of engram-score, which has none");
  fs::create_directory(empty);
  refused(empty, images, "a folder without classifier.safetensors");
  refused(classifier(), folder_ / "nothing", "found nothing there");
  EXPECT_EQ(run_program("engram-inspect", {score.string()}).code, 3);
  const test::ProgramResult check =
      run_program("engram-eval", {(folder_ / "none.safetensors").string(), "--data", images.string(), "--check"});
  EXPECT_EQ(check.code, 3) << check.err;
}

}  // namespace
}  // namespace engram
