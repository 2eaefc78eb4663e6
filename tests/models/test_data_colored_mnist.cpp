/// Coloured MNIST: every draw of the reference programs, and what holds of the published variants.

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "engine/io/atomic_file.h"
#include "models/data/class_names.h"
#include "models/data/colored_mnist.h"
#include "models/data/ood_protocols.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/named_formula.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

using nlohmann::json;
using testing::expect_relative;
using Channels = ColourOptions::Channels;

/// The digits of the golden file from image `first` to `last`.
ImageDataset stand_in_digits(const json& file, dim_t first, dim_t last) {
  const std::uint64_t seed = file.at("seed");
  const dim_t count = file.at("train_images").get<dim_t>() + file.at("test_images").get<dim_t>();
  const auto pixels = testing::formula_uniform(file.at("images_name"), seed, count * 784);
  const auto digits = testing::formula_uniform(file.at("digits_name"), seed, count);
  ImageDataset out;
  out.count = last - first;
  out.channels = 1;
  out.height = out.width = 28;
  out.num_classes = 10;
  out.class_names = mnist_class_names();
  out.normalization = {{0}, {1}};
  for (dim_t i = first; i < last; ++i) out.labels.push_back(int(10 * digits[std::size_t(i)]));
  for (dim_t p = first * 784; p < last * 784; ++p) out.pixels.push_back(std::uint8_t(256 * pixels[std::size_t(p)]));
  return out;
}

/// The draws that a run of the reference program made, in its order.
UniformDraws recorded_draws(const json& file, const json& run) {
  return [calls = run.at("rand_calls"), seed = file.at("seed").get<std::uint64_t>(), next = 0](dim_t count) mutable {
    const json call = calls.at(std::size_t(next++));
    EXPECT_EQ(count, call.at(1).get<dim_t>());
    std::vector<float> values;
    for (const double u : testing::formula_uniform(call.at(0), seed, count)) values.push_back(float(u));
    return values;
  };
}

double sum_of_channel(const ImageDataset& data, dim_t channel) {
  const dim_t plane = data.height * data.width;
  double total = 0;
  for (dim_t i = 0; i < data.count; ++i)
    for (dim_t p = 0; p < plane; ++p) total += data.image(i)[channel * plane + p] / 255.0;
  return total;
}

void expect_environment(const ImageDataset& got, const json& expected, const std::string& what) {
  EXPECT_EQ(got.count, expected.at("size").get<dim_t>()) << what;
  EXPECT_EQ(std::accumulate(got.labels.begin(), got.labels.end(), 0), expected.at("labels_sum").get<double>()) << what;
  const auto first = expected.at("labels_first10").get<std::vector<std::int32_t>>();
  EXPECT_TRUE(std::equal(first.begin(), first.end(), got.labels.begin())) << what;
  const auto sums = expected.at("channel_sums").get<std::vector<double>>();
  ASSERT_EQ(got.channels, dim_t(sums.size())) << what;
  for (dim_t c = 0; c < got.channels; ++c) {
    expect_relative(sum_of_channel(got, c), sums[std::size_t(c)], 1e-9, what + " channel sum", 1);
    const auto row = expected.at("image0_channel" + std::to_string(c) + "_row0").get<std::vector<double>>();
    for (std::size_t x = 0; x < row.size(); ++x)
      expect_relative(got.image(0)[std::size_t(c * got.height * got.width) + x] / 255.0, row[x], 1e-9, what, 1);
  }
}

TEST(ColoredMnistData, EveryDrawOfTheReferenceProgramsGivesTheirImages) {
  const json file = testing::golden_json("colored_mnist_irm.json");
  const dim_t pool = file.at("train_images"), all = pool + file.at("test_images").get<dim_t>();
  for (const char* repository : {"irm_repository", "rex_repository"})
    for (const json& run : file.at(repository).at("runs")) {
      const json& expected = run.at("environments");
      std::vector<ColouredTest> tests = {{"test", Channels::kColoured}};
      if (expected.size() > 3) tests.push_back({"grey", Channels::kBoth});
      ColouredSplit split = colour_split(stand_in_digits(file, 0, pool), stand_in_digits(file, pool, all),
                                         {0.2, 0.1, 0.9}, tests, {}, recorded_draws(file, run));
      split.train.insert(split.train.end(), split.test.begin(), split.test.end());
      ASSERT_EQ(split.train.size(), expected.size());
      for (std::size_t e = 0; e < expected.size(); ++e)
        expect_environment(split.train[e].images, expected[e],
                           run.at("tag").get<std::string>() + " environment " + std::to_string(e));
    }
}

TEST(ColoredMnistData, TheOracleSeesTheSumOfTheChannels) {
  const json file = testing::golden_json("colored_mnist_irm.json");
  const json& run = file.at("irm_repository").at("runs").at(0);
  const ImageDataset digits = stand_in_digits(file, 0, file.at("train_images"));
  const auto coloured = [&](Channels channels) {
    return colour_split(digits, digits, {0.2, 0.1, 0.9}, {}, {.channels = channels}, recorded_draws(file, run));
  };
  const ImageDataset colour = coloured(Channels::kColoured).train[0].images,
                     grey = coloured(Channels::kGrey).train[0].images;
  EXPECT_EQ(grey.labels, colour.labels);
  const dim_t plane = grey.image_bytes();
  for (dim_t i = 0; i < grey.count; ++i)
    for (dim_t p = 0; p < plane; ++p) {
      ASSERT_EQ(grey.image(i)[p], colour.image(i)[p] + colour.image(i)[plane + p]);
      ASSERT_EQ(colour.image(i)[(1 - colour.contexts[std::size_t(i)]) * plane + p], 0);
    }
}

/// MNIST files of `count` made-up digits.
void write_mnist(const test::TempFolder& folder, const std::string& split, int count) {
  const auto header = [&](std::uint8_t rank) {
    return io::Bytes{0, 0, 8, rank, 0, 0, std::uint8_t(count >> 8), std::uint8_t(count)};
  };
  io::Bytes images = header(3), labels = header(1);
  for (const std::uint8_t extent : {0, 0, 0, 28, 0, 0, 0, 28}) images.push_back(extent);
  for (int i = 0; i < count; ++i) {
    labels.push_back(std::uint8_t(i * 7 % 10));
    for (int p = 0; p < 784; ++p) images.push_back(std::uint8_t(1 + (i + p) % 255));
  }
  io::write_file(folder / (split + "-images-idx3-ubyte"), images);
  io::write_file(folder / (split + "-labels-idx1-ubyte"), labels);
}

/// How often the colour is the label.
double agreement(const Environment& e) {
  dim_t same = 0;
  for (std::size_t i = 0; i < e.images.labels.size(); ++i) same += e.images.labels[i] == e.images.contexts[i];
  return double(same) / double(e.images.count);
}

TEST(ColoredMnistData, VariantsHaveTheirEnvironmentsAndRestartsTheirOwnNoise) {
  test::TempFolder folder;
  write_mnist(folder, "train", 6000);
  write_mnist(folder, "t10k", 600);
  const auto read = [&](const std::string& protocol, std::uint64_t seed) {
    return read_ood_data(protocol, {.folder = folder.path(), .seed = seed});
  };
  const OodData irm = read("colored-mnist", 1), again = read("colored-mnist", 1), other = read("colored-mnist", 2);
  ASSERT_EQ(irm.train.size(), 2u);
  EXPECT_EQ(irm.train[0].name, "+80%");
  EXPECT_EQ(irm.train[0].images.count + irm.train[1].images.count, 5000);
  EXPECT_EQ(irm.test[0].images.count, 1000);
  EXPECT_EQ(irm.probes[0].name, "grey");
  EXPECT_NEAR(agreement(irm.train[0]), 0.8, 0.04);
  EXPECT_NEAR(agreement(irm.train[1]), 0.9, 0.04);
  EXPECT_NEAR(agreement(irm.test[0]), 0.1, 0.04);
  EXPECT_EQ(irm.train[0].images.shape(), (ImageShape{2, 14, 14}));
  EXPECT_EQ(irm.train[1].images.pixels, again.train[1].images.pixels);
  EXPECT_NE(irm.train[1].images.labels, other.train[1].images.labels);
  EXPECT_EQ(read("colored-mnist-authors", 1).train[0].name, "+90%");
  EXPECT_EQ(read(R"({"name": "colored-mnist", "grey": true})", 1).train[0].images.shape(), (ImageShape{1, 14, 14}));

  const OodData domainbed = read("colored-mnist-domainbed", 1);
  EXPECT_EQ(domainbed.test[0].name, "-90%");
  EXPECT_EQ(domainbed.test[0].images.count, 2200);
  EXPECT_EQ(domainbed.train[0].images.count, 1760);
  EXPECT_EQ(domainbed.validation[0].images.count, 440);
  EXPECT_EQ(domainbed.train[0].images.shape(), (ImageShape{2, 28, 28}));
  EXPECT_ERROR(read_ood_data("colored-mnist-domainbed", {.folder = folder.path(), .held_out = {"-80%"}}), UsageError,
               "among +90%, +80%, -90%, got '-80%'");
  EXPECT_ERROR(read_ood_data("colored-mnist", {.folder = folder.path(), .held_out = {"+80%"}}), UsageError,
               "the protocol fixes its test");
  EXPECT_ERROR(read_ood_data("colored-mnist", {}), UsageError, "expected the folder");
  EXPECT_ERROR(read_ood_data("colored-mnits", {}), UsageError, "colored-mnist");
}

}  // namespace
}  // namespace engram
