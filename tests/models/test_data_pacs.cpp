/// PACS: domains as second labels, the authors' lists, sets of several sources; resizing.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"
#include "models/data/open_dataset.h"
#include "models/data/pacs.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

using test::TempFolder;

/// A domain of three images of 3x2x2 whose bytes begin at `first`.
void write_domain(const TempFolder& folder, const std::string& domain, std::uint8_t first) {
  io::Bytes images = {0, 0, 8, 4, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2};
  for (int i = 0; i < 36; ++i) images.push_back(std::uint8_t(first + i));
  io::write_file(folder / (domain + "-64-images-idx4-ubyte"), images);
  io::write_file(folder / (domain + "-labels-idx1-ubyte"), io::Bytes{0, 0, 8, 1, 0, 0, 0, 3, 0, 6, 2});
  std::filesystem::create_directories(folder / "splits");
  io::write_file(folder / ("splits/" + domain + "-train.txt"), "2\n0\n");
  io::write_file(folder / ("splits/" + domain + "-crossval.txt"), "1\n");
  io::write_file(folder / ("splits/" + domain + "-test.txt"), "0\n1\n2\n");
}

TEST(Pacs, JoinsDomainsWithTheirNamesAsSecondLabels) {
  TempFolder folder;
  write_domain(folder, "photo", 0);
  write_domain(folder, "sketch", 100);
  const ImageDataset data = read_pacs(folder.path(), {"sketch", "photo"}, PacsPart::kTrain);
  EXPECT_EQ(data.count, 4);
  EXPECT_EQ(data.labels, (std::vector<std::int32_t>{2, 0, 2, 0}));
  EXPECT_EQ(data.contexts, (std::vector<std::int32_t>{0, 0, 1, 1}));
  EXPECT_EQ(data.context_names, (std::vector<std::string>{"sketch", "photo"}));
  EXPECT_EQ(data.image(0)[0], 124);
  EXPECT_EQ(data.image(3)[0], 0);
  EXPECT_EQ(data.num_classes, 7);
  EXPECT_EQ(data.class_names[6], "person");
  EXPECT_EQ(read_pacs(folder.path(), {"photo"}, PacsPart::kCrossval).labels, (std::vector<std::int32_t>{6}));
  const ImageDataset some = select(data, {3, 0});
  EXPECT_EQ(some.contexts, (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(some.context_names, data.context_names);
}

TEST(Pacs, TestsOnDomainsLeftOutOrOnTheValidationLists) {
  TempFolder folder;
  write_domain(folder, "photo", 0);
  write_domain(folder, "sketch", 100);
  DatasetRequest request{.path = folder.path(), .split = Split::kTest, .domains = {"photo"}};
  EXPECT_EQ(open_dataset(request).count, 1);
  request.test_domains = {"sketch"};
  const ImageDataset left_out = open_dataset(request);
  EXPECT_EQ(left_out.count, 3);
  EXPECT_EQ(left_out.context_names, (std::vector<std::string>{"sketch"}));
  request.split = Split::kTrain;
  request.size = {4, 4};
  EXPECT_EQ(open_dataset(request).height, 4);
}

TEST(Pacs, WhatIsWrongIsNamed) {
  TempFolder folder;
  write_domain(folder, "photo", 0);
  EXPECT_ERROR(read_pacs(folder.path(), {"painting"}, PacsPart::kTrain), UsageError, "got 'painting'");
  EXPECT_ERROR(read_pacs(folder.path(), {"photo", "photo"}, PacsPart::kTrain), UsageError, "photo twice");
  EXPECT_ERROR(read_pacs(folder.path(), {}, PacsPart::kTrain), IoError, "art_painting-SIDE-images-idx4-ubyte");
  EXPECT_ERROR(read_pacs(folder.path(), {"photo"}, PacsPart::kTrain, 32), IoError, "photo-32-images-idx4-ubyte");
  io::write_file(folder / "photo-labels-idx1-ubyte", io::Bytes{0, 0, 8, 1, 0, 0, 0, 3, 0, 7, 2});
  EXPECT_ERROR(read_pacs(folder.path(), {"photo"}, PacsPart::kTrain), DataError, "expected labels 0..6, got 7");
  io::write_file(folder / "splits/photo-train.txt", "3\n");
  io::write_file(folder / "photo-labels-idx1-ubyte", io::Bytes{0, 0, 8, 1, 0, 0, 0, 3, 0, 6, 2});
  EXPECT_ERROR(read_pacs(folder.path(), {"photo"}, PacsPart::kTrain), DataError, "photo-train.txt");
}

ImageDataset source(dim_t side, const std::vector<std::string>& names) {
  ImageDataset data;
  data.count = 1;
  data.channels = 1;
  data.height = data.width = side;
  data.pixels.assign(std::size_t(side * side), 1);
  data.labels = {0};
  data.num_classes = int(names.size());
  data.class_names = names;
  data.normalization = {{0.5f}, {0.5f}};
  return data;
}

TEST(JoinSources, RefusesOtherSizesAndOtherClasses) {
  const ImageDataset a = source(2, {"x"});
  EXPECT_EQ(join_sources({a, a}, {"p", "q"}).contexts, (std::vector<std::int32_t>{0, 1}));
  EXPECT_ERROR(join_sources({a, source(3, {"x"})}, {"p", "q"}), DataError, "1x2x2 in p and 1x3x3 in q");
  EXPECT_ERROR(join_sources({a, source(2, {"y"})}, {"p", "q"}), DataError, "same classes, got others in q than in p");
  EXPECT_ERROR(join_sources({a}, {"p", "q"}), UsageError, "1 sets and 2 names");
}

TEST(Resize, KeepsConstantsAndMeansAndMeetsKnownValues) {
  const std::vector<std::uint8_t> flat(5 * 7, 93);
  for (const auto& [h, w] : {std::pair<dim_t, dim_t>{2, 3}, {11, 4}, {5, 7}})
    EXPECT_EQ(resize_image(flat.data(), 1, 5, 7, {h, w}), std::vector<std::uint8_t>(std::size_t(h * w), 93));
  // Two pixels to four: linear interpolation between centres, the border value outside them.
  const std::vector<std::uint8_t> two = {0, 100};
  EXPECT_EQ(resize_image(two.data(), 1, 1, 2, {1, 4}), (std::vector<std::uint8_t>{0, 25, 75, 100}));
  // Four to two: the triangle covers four pixels, of which three lie in the image: weights 3/4, 3/4, 1/4.
  const std::vector<std::uint8_t> four = {0, 70, 140, 210};
  EXPECT_EQ(resize_image(four.data(), 1, 1, 4, {1, 2}), (std::vector<std::uint8_t>{50, 160}));
  // The finest stripes become grey instead of one of their colours.
  std::vector<std::uint8_t> stripes;
  for (int i = 0; i < 64; ++i) stripes.push_back(i % 2 ? 200 : 0);
  for (const std::uint8_t v : resize_image(stripes.data(), 1, 1, 64, {1, 13})) EXPECT_NEAR(v, 100, 12);
}

}  // namespace
}  // namespace engram
