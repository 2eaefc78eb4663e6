/// engram-distill: students, resumption, images without labels, mistakes.

#include <gtest/gtest.h>
#include <signal.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <thread>

#include "engine/io/png.h"
#include "engine/io/safetensors.h"
#include "engine/io/tensor_io.h"
#include "models/classifier_file.h"
#include "models/data/image_folder.h"
#include "models/methods/distillation/loss_registry.h"
#include "models/methods/distillation/student_task.h"
#include "tests/support/bright_images.h"
#include "tests/support/cifar_records.h"
#include "tests/support/program.h"
#include "tests/support/run_program.h"
#include "tests/support/temp_folder.h"

namespace engram::testing {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class DistillApp : public ::testing::Test {
 protected:
  void SetUp() override {
    write_packed_images(data(), bright_images(12));
    const auto teacher = make_network("resnet8", 2, {.seed = 3});
    save_classifier(folder_ / "teacher.safetensors", *teacher, cifar_normalization());
  }
  fs::path data() const { return folder_ / "images.safetensors"; }
  fs::path out(const std::string& name = "run") const { return folder_ / name; }
  /// A run of two epochs with these options beside.
  test::ProgramResult distill(std::vector<std::string> options, const std::string& run = "run") const {
    std::vector<std::string> words = {"--student", "resnet8",      "--data", data(),      "--out", out(run),
                                      "--quiet",   "--batch-size", "4",      "--threads", "1",     "--milestones",
                                      "1"};
    if (std::find(options.begin(), options.end(), "--epochs") == options.end())
      words.insert(words.end(), {"--epochs", "2"});
    words.insert(words.end(), options.begin(), options.end());
    return test::run_program("engram-distill", words);
  }
  std::vector<std::string> taught(std::vector<std::string> options) const {
    options.insert(options.end(), {"--teacher", folder_ / "teacher.safetensors"});
    return options;
  }

  test::TempFolder folder_;
};

TEST_F(DistillApp, LeavesAPlainStudentWithTheBitsOfTheTrainedOne) {
  const test::ProgramResult result = distill(taught({"--method", R"({"name": "ie-ft", "width": 4}+kd)"}));
  ASSERT_EQ(result.code, 0) << result.err;
  EXPECT_NE(result.out.find("after the best"), std::string::npos) << result.out;
  const json manifest = json::parse(std::ifstream(out() / "manifest.json"));
  EXPECT_EQ(manifest["status"], "complete");

  // The checkpoint holds the trained network; the file a network without coders, of the same bits.
  const Classifier student = load_classifier(out() / "classifier.safetensors");
  const auto plain = make_network("resnet8", 2);
  EXPECT_EQ(student.network->num_parameters(), plain->num_parameters());
  const io::SafetensorsFile checkpoint(out() / "checkpoint.safetensors");
  StateDict trained;
  for (const auto& [name, tensor] : plain->state()) {
    const io::SafetensorsEntry* entry = checkpoint->find("student." + name);
    ASSERT_NE(entry, nullptr) << name;
    std::vector<float> values(std::size_t(tensor.numel()));
    ASSERT_EQ(entry->bytes.size(), values.size() * sizeof(float));
    std::copy(entry->bytes.begin(), entry->bytes.end(), reinterpret_cast<std::uint8_t*>(values.data()));
    trained[name] = Tensor::from(values, tensor.shape());
  }
  plain->load_state(trained);
  const Tensor x = Tensor::full({2, 3, 32, 32}, 0.25f);
  EXPECT_EQ(student.network->logits_inference(x).to_vector(), plain->logits_inference(x).to_vector());
}

TEST_F(DistillApp, EveryKindOfTrainingRuns) {
  EXPECT_EQ(distill(taught({"--method", "at+od", "--epochs", "1"}), "taught").code, 0);
  for (const char* method : {"dml", "one", "cl", "tf-kd-reg"}) {
    const test::ProgramResult result = distill({"--method", method, "--epochs", "1"}, method);
    EXPECT_EQ(result.code, 0) << method << result.err;
    EXPECT_TRUE(fs::exists(out(method) / "classifier.safetensors")) << method;
  }
}

TEST_F(DistillApp, AnUnlabelledFolderIsLabelledByTheTeacher) {
  const ImageDataset images = bright_images(6);
  fs::create_directory(folder_ / "plain");
  for (dim_t i = 0; i < images.count; ++i) {
    io::Image image{.width = 32, .height = 32, .channels = 3, .pixels = std::vector<std::uint8_t>(3 * 1024)};
    for (std::size_t p = 0; p < 1024; ++p)
      for (std::size_t c = 0; c < 3; ++c) image.pixels[3 * p + c] = images.image(i)[c * 1024 + p];
    io::write_png(folder_ / "plain" / (std::to_string(i) + ".png"), image);
  }
  const std::vector<std::string> words = {"--student", "resnet8", "--data",    folder_ / "plain",
                                          "--out",     out(),     "--teacher", folder_ / "teacher.safetensors",
                                          "--epochs",  "1",       "--quiet",   "--batch-size",
                                          "3"};
  const test::ProgramResult untested = test::run_program("engram-distill", words);
  EXPECT_EQ(untested.code, 2);
  EXPECT_NE(untested.err.find("expected --test-data beside images without labels"), std::string::npos) << untested.err;
  std::vector<std::string> tested = words;
  tested.insert(tested.end(), {"--test-data", data()});
  EXPECT_EQ(test::run_program("engram-distill", tested).code, 0);

  // The folder of a run has pictures too, and its own set of images counts.
  fs::copy_file(data(), folder_ / "plain" / "samples.safetensors");
  std::vector<std::string> labelled = words;
  labelled[5] = out("of_run");
  EXPECT_EQ(test::run_program("engram-distill", labelled).code, 0);
}

TEST_F(DistillApp, AnInterruptedRunGoesOnWithTheSameBits) {
  const std::vector<std::string> options = taught({"--method", "ie-at", "--checkpoint-steps", "1", "--epochs", "4"});
  ASSERT_EQ(distill(options, "whole").code, 0);
  std::vector<std::string> words = {"--student", "resnet8",   "--data", data(),         "--out", out("stopped"),
                                    "--quiet",   "--threads", "1",      "--batch-size", "4",     "--milestones",
                                    "1"};
  words.insert(words.end(), options.begin(), options.end());
  Program program("engram-distill", words, folder_ / "log");
  while (!fs::exists(out("stopped") / "checkpoint.safetensors"))
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  program.signal(SIGTERM);
  if (const int code = program.wait(); code == 130) {
    const test::ProgramResult resumed = test::run_program("engram-distill", {"--resume", out("stopped"), "--quiet"});
    ASSERT_EQ(resumed.code, 0) << resumed.err;
  } else {
    ASSERT_EQ(code, 0) << text_of(folder_ / "log");  // it was done before the signal
  }
  EXPECT_EQ(text_of(out("stopped") / "classifier.safetensors"), text_of(out("whole") / "classifier.safetensors"));
  const auto facts = [&](const char* run) { return json::parse(std::ifstream(out(run) / "manifest.json"))["facts"]; };
  EXPECT_EQ(facts("stopped")["best_test_accuracy"], facts("whole")["best_test_accuracy"]);
}

TEST_F(DistillApp, ARunKnowsItsTeacherAndItsImages) {
  ASSERT_EQ(distill(taught({"--method", "kd", "--epochs", "1"})).code, 0);
  const std::string manifest = text_of(out() / "manifest.json");
  const auto refused = [&](const std::string& words) {
    const test::ProgramResult run = test::run_program("engram-distill", {"--resume", out(), "--quiet"});
    EXPECT_EQ(run.code, 3) << run.err;
    EXPECT_NE(run.err.find(words), std::string::npos) << run.err;
    EXPECT_EQ(text_of(out() / "manifest.json"), manifest);
  };
  const fs::path teacher = folder_ / "teacher.safetensors";
  fs::copy_file(teacher, folder_ / "kept");
  save_classifier(teacher, *make_network("resnet8", 2, {.seed = 4}), cifar_normalization());
  refused("got teacher/0 of other content in");
  fs::copy_file(folder_ / "kept", teacher, fs::copy_options::overwrite_existing);
  write_packed_images(data(), bright_images(14));
  refused("of other content in " + data().string());
}

TEST_F(DistillApp, TeachersOfOtherProgramsAreNamedByArch) {
  io::save_tensors(folder_ / "bare.safetensors", io::load_tensors(folder_ / "teacher.safetensors").tensors);
  const std::vector<std::string> words = {"--method", "kd", "--epochs", "1", "--teacher", folder_ / "bare.safetensors"};
  const test::ProgramResult unnamed = distill(words);
  EXPECT_EQ(unnamed.code, 3) << unnamed.err;
  EXPECT_NE(unnamed.err.find("--arch"), std::string::npos) << unnamed.err;
  std::vector<std::string> named = words;
  named.insert(named.end(), {"--arch", "resnet8"});
  const test::ProgramResult run = distill(named);
  EXPECT_EQ(run.code, 0) << run.err;
}

TEST_F(DistillApp, APackedFileWithoutLabelsIsLabelledByTheTeacher) {
  const ImageDataset images = bright_images(6);
  const std::vector<io::SafetensorsEntry> entries = {{"images", io::FileDType::kU8, {6, 3, 32, 32}, images.pixels}};
  io::write_safetensors(folder_ / "plain.safetensors", entries, {});
  const std::vector<std::string> words = {"--student", "resnet8",
                                          "--data",    folder_ / "plain.safetensors",
                                          "--teacher", folder_ / "teacher.safetensors",
                                          "--epochs",  "1",
                                          "--quiet",   "--batch-size",
                                          "3",         "--out",
                                          out()};
  EXPECT_NE(test::run_program("engram-distill", words).err.find("expected --test-data"), std::string::npos);
  std::vector<std::string> tested = words;
  tested.insert(tested.end(), {"--test-data", data()});
  const test::ProgramResult result = test::run_program("engram-distill", tested);
  EXPECT_EQ(result.code, 0) << result.err;
}

/// One line on standard error, this code, and no run folder.
TEST_F(DistillApp, MistakesAreAnsweredInOneLine) {
  const auto other = make_network("resnet8", 3, {.seed = 3});
  save_classifier(folder_ / "other.safetensors", *other, cifar_normalization());
  const auto small = make_network("resnet8", 2, {.seed = 3, .image = {3, 8, 8}});
  save_classifier(folder_ / "small.safetensors", *small, cifar_normalization());
  const auto broken = make_network("resnet8", 2, {.seed = 3});
  broken->parameters()[0].data<float>()[0] = std::numeric_limits<float>::max();
  save_classifier(folder_ / "broken.safetensors", *broken, cifar_normalization());
  const struct {
    std::vector<std::string> options;
    int code;
    const char* text;
  } cases[] = {
      {{"--method", "kd"}, 2, "expected a teacher for the method kd, got none"},
      {{"--method", "kdd"}, 2, "kdd"},
      {taught({"--method", "dml"}), 2, "expected no teacher for the method dml"},
      {{"--teacher", (folder_ / "teacher.safetensors").string() + "," + (folder_ / "other.safetensors").string()},
       3,
       "expected teachers of as many classes, got 2 of resnet8 and 3 of resnet8"},
      {{"--teacher", (folder_ / "teacher.safetensors").string() + "," + (folder_ / "small.safetensors").string()},
       3,
       "expected teachers of images of one shape, got 3x32x32 of resnet8 and 3x8x8 of resnet8"},
      {{"--method", "kd", "--teacher", folder_ / "broken.safetensors"}, 3, "finite"},
      {taught({"--method", R"({"name": "kd", "tau": 0})"}), 2, "[kd] expected a temperature above 0, got 0"},
      {taught({"--method", R"({"name": "ie-ft", "share": 0})"}), 2, "a share that leaves a channel of 64 to each half"},
      {taught({"--method", R"({"name": "ie-ft", "share": 1})"}), 2, "a share that leaves a channel of 64 to each half"},
      {taught({"--method", "crd"}), 2, "[crd] expected 1 to 6 negatives"},
      {taught({"--method", "kd+kd"}), 2, "each distillation method once"},
      {taught({"--method", "dml+kd"}), 2, "got dml in 'dml+kd', a whole method, which is named alone"},
      {{"--method", R"({"name": "cl", "branches": 3})"}, 2, "[cl] expected 2, 4, 8, ... branches of a tree, got 3"},
      {{"--method", R"({"name": "cl", "shared": 1})"}, 2, "[branches] expected 1 to 2 shared of the 3 stages"},
  };
  for (const auto& c : cases) {
    const test::ProgramResult result = distill(c.options);
    EXPECT_EQ(result.code, c.code) << c.text << ": " << result.err;
    EXPECT_NE(result.err.find(c.text), std::string::npos) << c.text << ": " << result.err;
    EXPECT_FALSE(fs::exists(out())) << c.text;
    const std::size_t last_line = result.err.rfind('\n', result.err.size() - 2) + 1;
    EXPECT_EQ(result.err.substr(last_line, 16), "engram-distill: ") << result.err;
  }
  const test::ProgramResult flat =
      test::run_program("engram-distill", {"--student", "mlp", "--method", "at", "--batch-size", "4", "--teacher",
                                           folder_ / "teacher.safetensors", "--data", data(), "--out", out()});
  EXPECT_EQ(flat.code, 2);
  EXPECT_NE(flat.err.find("[at] expected networks with feature maps, which the student mlp has not; methods on logits"),
            std::string::npos)
      << flat.err;
}

/// A teacher's accuracy takes minutes: what settings and networks say alone is told before it.
TEST_F(DistillApp, MistakesAreToldBeforeTheTeacherIsTested) {
  const auto refused = [&](const std::string& student, const std::string& batch, const std::vector<std::string>& more,
                           const char* words) {
    std::vector<std::string> all = {"--student", student, "--batch-size", batch, "--data", data(), "--out", out()};
    all.insert(all.end(), more.begin(), more.end());
    const test::ProgramResult result = test::run_program("engram-distill", all);
    EXPECT_EQ(result.code, 2) << result.err;
    EXPECT_NE(result.err.find(words), std::string::npos) << result.err;
    EXPECT_EQ(result.err.find("teacher: test accuracy"), std::string::npos) << result.err;
  };
  const auto other = make_network("wrn-10-1", 2, {.seed = 3});
  save_classifier(folder_ / "other.safetensors", *other, cifar_normalization());
  const fs::path teacher = folder_ / "other.safetensors";
  refused("vgg8", "4", {"--teacher", teacher, "--method", "fsp"}, "[fsp] expected");
  refused("resnet8", "13", {"--teacher", teacher}, "from 2 to the 12 training images, got 13");
  refused("resnet8", "4", {"--teacher", teacher, "--method", "dml"}, "expected no teacher for the method dml");
  // A teacher that can label nothing: its logits would be found not to be finite.
  other->parameters()[0].data<float>()[0] = std::numeric_limits<float>::max();
  save_classifier(folder_ / "broken.safetensors", *other, cifar_normalization());
  refused("vgg8", "4", {"--teacher", folder_ / "broken.safetensors", "--teacher-labels", "--method", "fsp"},
          "[fsp] expected");
  // The folder of results is known before anything is read.
  fs::create_directory(out());
  std::ofstream(out() / "notes.txt") << "mine";
  refused("resnet8", "4", {"--teacher", folder_ / "missing.safetensors"}, "expected a new folder, got the existing");
}

/// A method without data, and what it needs: a teacher, and images to test on.
class DataFreeApp : public ::testing::Test {
 protected:
  void SetUp() override {
    fs::create_directory(data());
    write_cifar_records(data() / "test_batch.bin", 10, 1);
    save_classifier(folder_ / "teacher.safetensors", *make_network("resnet8", 10, {.seed = 3}), cifar_normalization());
  }
  fs::path data() const { return folder_ / "test_only"; }
  test::ProgramResult distill(const std::vector<std::string>& options) const {
    std::vector<std::string> words = {"--student", "resnet8", "--teacher", folder_ / "teacher.safetensors",
                                      "--threads", "1",       "--dataset", "cifar10-subset",
                                      "--out",     out(),     "--data",    data(),
                                      "--quiet"};
    words.insert(words.end(), options.begin(), options.end());
    return test::run_program("engram-distill", words);
  }
  fs::path out() const { return folder_ / "run"; }
  const std::string method_ = R"({"name": "dafl", "epochs": 2, "steps": 2, "batch_size": 4, "latent": 4})";

  test::TempFolder folder_;
};

TEST_F(DataFreeApp, TrainsAStudentWhereThereAreNoTrainingImages) {
  const test::ProgramResult result = distill({"--data-free", method_});
  ASSERT_EQ(result.code, 0) << result.err;
  const json manifest = json::parse(std::ifstream(out() / "manifest.json"));
  EXPECT_TRUE(manifest["facts"].contains("test_accuracy"));
  EXPECT_TRUE(manifest["hashes"].contains("data/test"));
  EXPECT_FALSE(manifest["hashes"].contains("data/train"));
  const Classifier student = load_classifier(out() / "classifier.safetensors");
  EXPECT_EQ(student.network->num_classes(), 10);
  EXPECT_EQ(student.class_names.size(), 10u);
  // Its own configuration, which holds all options, starts it again.
  EXPECT_EQ(distill({"--config", out() / "config.json", "--force"}).code, 0);
}

TEST_F(DataFreeApp, RefusesOptionsOfTrainingImages) {
  const auto refused = [&](const std::vector<std::string>& options, const std::string& text) {
    std::vector<std::string> words = {"--data-free", method_};
    words.insert(words.end(), options.begin(), options.end());
    const test::ProgramResult result = distill(words);
    EXPECT_EQ(result.code, 2) << result.err;
    EXPECT_NE(result.err.find(text), std::string::npos) << result.err;
    EXPECT_FALSE(fs::exists(out()));
  };
  refused({"--epochs", "3"}, "expected no --epochs beside --data-free");
  refused({"--method", "kd"}, "expected no --method beside --data-free");
  refused({"--no-nesterov"}, "expected no --nesterov beside --data-free");
  refused({"--cutout", "4"}, "expected no --cutout beside --data-free");
  refused({"--train-list", folder_ / "list"}, "expected no --train-list beside --data-free");
}

/// The methods that plans name exist, with these settings.
TEST(DistillPlans, NameMethodsThatThereAre) {
  int methods = 0;
  for (const fs::directory_entry& entry : fs::directory_iterator(fs::path(ENGRAM_SOURCE_DIR) / "apps/plans")) {
    const json plan = json::parse(std::ifstream(entry.path()));
    for (const auto& cell : plan["cells"]) {
      if (!cell.contains("settings") || !cell["settings"].contains("method") || !cell["settings"].contains("student"))
        continue;
      for (const std::string& term : split_terms(cell["settings"]["method"])) {
        const std::string name = parse_component(term).name;
        bool kind = false;
        for (const RegistryEntry& known : student_task_registry().entries()) kind = kind || known.name == name;
        EXPECT_NO_THROW(kind ? student_task_registry().canonical(term) : distillation_registry().canonical(term))
            << entry.path() << ": " << term;
        ++methods;
      }
    }
  }
  EXPECT_GT(methods, 100);
}

}  // namespace
}  // namespace engram::testing
