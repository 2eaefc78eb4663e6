// Classifier files: round trips and refusals.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <limits>

#include "engine/io/tensor_io.h"
#include "models/classifier_file.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

using test::TempFolder;

TEST(ClassifierFile, RecreatesTheNetwork) {
  const TempFolder folder;
  const auto path = folder.path() / "net.safetensors";
  const auto network = make_network("resnet20", 7, {.seed = 5});
  const Normalization normalization{{0.1f, 0.2f, 1.f / 3}, {0.5f, 1.5f, 0.25f}};
  save_classifier(path, *network, normalization, {{"accuracy", "12.5 %"}});
  const Classifier read = load_classifier(path);
  EXPECT_EQ(read.network->arch(), "resnet20");
  EXPECT_EQ(read.network->num_classes(), 7);
  EXPECT_EQ(read.normalization.mean, normalization.mean);
  EXPECT_EQ(read.normalization.std, normalization.std);
  EXPECT_EQ(read.notes, (std::map<std::string, std::string>{{"accuracy", "12.5 %"}}));
  EXPECT_FALSE(read.network->is_training());
  for (const NamedTensor& named : read.network->named_state()) {
    EXPECT_FALSE(named.tensor.requires_grad());
    EXPECT_EQ(named.tensor.to_vector(), network->state().at(named.name).to_vector()) << named.name;
  }
}

TEST(ClassifierFile, KeepsTheImagesExtents) {
  const TempFolder folder;
  const auto path = folder.path() / "net.safetensors";
  const auto network = make_network("resnet8x4", 3, {.seed = 5, .image = {1, 28, 24}});
  save_classifier(path, *network, {{0.5f}, {0.25f}});
  EXPECT_EQ(load_classifier(path).network->image(), (ImageShape{1, 28, 24}));
  EXPECT_ERROR(save_classifier(path, *network, cifar_normalization()), DataError,
               "for each of 1 channels, got 3 and 3");
}

TEST(ClassifierFile, OldFilesAreForCifarsImages) {
  const TempFolder folder;
  const auto path = folder.path() / "net.safetensors";
  io::save_tensors(path, make_network("wrn-10-1", 10)->state(), {{"arch", "wrn-10-1"}, {"num_classes", "10"}});
  EXPECT_EQ(load_classifier(path).network->image(), (ImageShape{3, 32, 32}));
}

TEST(ClassifierFile, HalfPrecisionIsForWeightsOnly) {
  const TempFolder folder;
  const auto path = folder.path() / "net.safetensors";
  const auto network = make_network("wrn-10-1", 10, {.seed = 5});
  const Tensor mean = network->state().at("bn1.running_mean");
  mean.data<float>()[0] = 1e6f;  // does not fit f16, and need not
  save_classifier(path, *network, cifar_normalization(), {}, WeightPrecision::kF16);
  EXPECT_LT(std::filesystem::file_size(path), 2.3 * double(network->num_parameters()));
  const Classifier read = load_classifier(path);
  for (const NamedTensor& named : read.network->named_state()) {
    const auto expected = network->state().at(named.name).to_vector(), found = named.tensor.to_vector();
    const float tolerance = named.tensor.rank() == 1 ? 0.f : 0x1p-11f;
    for (std::size_t i = 0; i < found.size(); ++i)
      ASSERT_LE(std::abs(found[i] - expected[i]), tolerance * std::abs(expected[i]) + (tolerance != 0 ? 1e-7f : 0.f))
          << named.name;
  }
  network->state().at("fc.weight").data<float>()[3] = 1e6f;
  EXPECT_ERROR(save_classifier(path, *network, cifar_normalization(), {}, WeightPrecision::kF16), DataError,
               "range of f16");
  EXPECT_EQ(load_classifier(path).network->arch(), "wrn-10-1") << "the old file is intact";
}

TEST(ClassifierFile, ReadsPlainStateDictionariesByName) {
  const std::string path = testing::golden_path("state_dicts/wrn-10-1.safetensors");
  const Classifier read = load_classifier(path, {.arch = "wrn-10-1"});
  EXPECT_EQ(read.network->num_classes(), 10);
  EXPECT_EQ(read.normalization.mean, cifar_normalization().mean);
  EXPECT_ERROR(load_classifier(path), DataError, "expected metadata \"arch\" (one of resnet18");
  EXPECT_ERROR(load_classifier(path), DataError, "wrn-10-1.safetensors: ");
  EXPECT_ERROR(load_classifier(path, {.arch = "wrn-16-1"}), DataError, "missing: block1.layer.1.bn1.bias");
}

class WrongMetadata : public ::testing::Test {
 protected:
  /// Loads a WRN-10-1 file with one metadata entry replaced.
  void load_with(const std::string& key, const std::string& value) {
    io::SafetensorsMetadata metadata = {
        {"arch", "wrn-10-1"}, {"num_classes", "10"}, {"mean", "0,0,0"}, {"std", "1,1,1"}};
    metadata[key] = value;
    const auto path = folder_.path() / "net.safetensors";
    io::save_tensors(path, make_network("wrn-10-1", 10)->state(), metadata);
    load_classifier(path);
  }
  TempFolder folder_;
};

TEST_F(WrongMetadata, IsNamed) {
  EXPECT_NO_THROW(load_with("note", "anything"));
  EXPECT_ERROR(load_with("arch", "resnet19"), DataError, "got \"resnet19\"");
  EXPECT_ERROR(load_with("num_classes", "11"), DataError, "fc.bias (expected [11] f32, got [10] f32)");
  for (const char* count : {"0", "-1", "ten", "", "99999999999", "10.5"})
    EXPECT_ERROR(load_with("num_classes", count), DataError, "expected metadata \"num_classes\"");
  for (const char* numbers : {"", "1,2", "1,2,3,4", "1,2,x", "1,2,nan", "1,2,3x"})
    EXPECT_ERROR(load_with("mean", numbers), DataError, "expected metadata \"mean\"");
  EXPECT_ERROR(load_with("std", "1,1,0"), DataError, "of 3 positive numbers");
  EXPECT_ERROR(load_with("image", "32x32"), DataError, "CHANNELSxHEIGHTxWIDTH, got \"32x32\"");
  EXPECT_ERROR(load_with("image", "1x32x32"), DataError, "expected metadata \"mean\" of 1 numbers");
}

TEST_F(WrongMetadata, HugeNetworksAreNotFilledBeforeTheTensorsAreChecked) {
  EXPECT_THROW(load_with("arch", "resnet18-w512"), Error);
}

TEST(ClassifierFile, RefusesReservedNotesAndMissingFiles) {
  const TempFolder folder;
  const auto network = make_network("wrn-10-1", 10);
  EXPECT_ERROR(save_classifier(folder.path() / "a", *network, cifar_normalization(), {{"arch", "x"}}), UsageError,
               "\"arch\"");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "a"));
  EXPECT_THROW(load_classifier(folder.path() / "a"), IoError);
}

TEST(ClassifierFile, RefusesValuesThatAreNotFinite) {
  const TempFolder folder;
  const auto network = make_network("wrn-10-1", 10);
  network->state().at("fc.weight").data<float>()[5] = std::numeric_limits<float>::infinity();
  save_classifier(folder.path() / "a", *network, cifar_normalization());
  EXPECT_ERROR(load_classifier(folder.path() / "a"), DataError, "in fc.weight, got inf at element 5");
}

}  // namespace
}  // namespace engram
