/// CIFAR readers: real records come out as stored, and every kind of damage is one clear error.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"
#include "models/data/cifar.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

using test::TempFolder;

// `count` records with label bytes from `labels`; the first 16 pixel bytes of each tell record and position.
io::Bytes records(int count, const std::vector<std::vector<std::uint8_t>>& labels) {
  const std::size_t label_bytes = labels[0].size(), record_bytes = label_bytes + 3072;
  io::Bytes bytes(count * record_bytes);
  for (int i = 0; i < count; ++i) {
    std::uint8_t* record = bytes.data() + i * record_bytes;
    std::copy(labels[i % labels.size()].begin(), labels[i % labels.size()].end(), record);
    for (int p = 0; p < 16; ++p) record[label_bytes + p] = static_cast<std::uint8_t>(i * 31 + p);
  }
  return bytes;
}

TEST(Cifar10, ReadsTheFirstOfficialRecords) {
  const std::string folder = std::string(ENGRAM_SOURCE_DIR) + "/tests/data/cifar-10-excerpt";
  const ImageDataset train = read_cifar10(folder, Split::kTrain, CifarExtent::kSubset);
  EXPECT_EQ(train.count, 4);
  EXPECT_EQ(train.labels, (std::vector<std::int32_t>{6, 9, 9, 4}));
  EXPECT_EQ(train.image(0)[0], 59);
  EXPECT_EQ(train.image(0)[1], 43);
  EXPECT_EQ(train.image(0)[2], 50);
  EXPECT_EQ(train.name, "cifar10");
  EXPECT_EQ(train.split, "train");
  EXPECT_EQ(train.class_names[6], "frog");
  EXPECT_EQ(train.image_bytes(), 3072);
  const ImageDataset held_out = read_cifar10(folder, Split::kTest, CifarExtent::kSubset);
  EXPECT_EQ(held_out.labels, (std::vector<std::int32_t>{3, 8}));
  EXPECT_EQ(held_out.image(0)[0], 158);
  EXPECT_EQ(held_out.split, "test");
}

TEST(Cifar10, ReadsAllBatchesInOrderAlsoFromTheParentFolder) {
  TempFolder folder;
  std::filesystem::create_directory(folder / "cifar-10-batches-bin");
  for (std::uint8_t b = 1; b <= 5; ++b) {
    io::write_file(folder / ("cifar-10-batches-bin/data_batch_" + std::to_string(b) + ".bin"),
                   records(10000, {{b}, {0}}));
  }
  const ImageDataset data = read_cifar10(folder.path(), Split::kTrain);
  ASSERT_EQ(data.count, 50000);
  for (int b = 0; b < 5; ++b) {
    EXPECT_EQ(data.labels[b * 10000], b + 1);
    EXPECT_EQ(data.labels[b * 10000 + 1], 0);
    EXPECT_EQ(data.image(b * 10000 + 3)[5], 3 * 31 + 5);
  }
  EXPECT_EQ(class_counts(data)[0], 25000);
}

TEST(Cifar10, MissingFilesAreNamed) {
  TempFolder folder;
  EXPECT_ERROR(read_cifar10(folder.path(), Split::kTest), IoError, "test_batch.bin");
  EXPECT_ERROR(read_cifar10(folder.path(), Split::kTest), IoError, "cifar-10-batches-bin");
  io::write_file(folder / "data_batch_1.bin", records(10000, {{1}}));
  io::write_file(folder / "data_batch_3.bin", records(10000, {{1}}));
  EXPECT_ERROR(read_cifar10(folder.path(), Split::kTrain), IoError,
               "data_batch_2.bin, data_batch_4.bin, data_batch_5.bin");
  EXPECT_ERROR(read_cifar10(folder.path(), Split::kTrain), IoError, "the data kind cifar10-subset");
  EXPECT_ERROR(read_cifar10(folder / "nowhere", Split::kTrain), IoError, "nowhere");
}

TEST(Cifar10, SizesAreExact) {
  TempFolder folder;
  io::Bytes bytes = records(10000, {{1}});
  bytes.pop_back();
  io::write_file(folder / "test_batch.bin", bytes);
  EXPECT_ERROR(read_cifar10(folder.path(), Split::kTest), DataError, "expected 30730000 bytes");
  EXPECT_ERROR(read_cifar10(folder.path(), Split::kTest), DataError, "got 30729999");
  bytes.resize(30730001);
  io::write_file(folder / "test_batch.bin", bytes);
  EXPECT_ERROR(read_cifar10(folder.path(), Split::kTest), DataError, "got 30730001");
  io::write_file(folder / "test_batch.bin", records(20, {{1}}));
  EXPECT_ERROR(read_cifar10(folder.path(), Split::kTest), DataError, "cifar10-subset");
}

TEST(Cifar10, ASubsetHoldsWholeRecords) {
  TempFolder folder;
  io::write_file(folder / "test_batch.bin", records(3, {{9}}));
  EXPECT_EQ(read_cifar10(folder.path(), Split::kTest, CifarExtent::kSubset).count, 3);
  io::Bytes bytes = records(3, {{9}});
  bytes.push_back(0);
  io::write_file(folder / "test_batch.bin", bytes);
  EXPECT_ERROR(read_cifar10(folder.path(), Split::kTest, CifarExtent::kSubset), DataError, "multiple of 3073");
  io::write_file(folder / "test_batch.bin", io::Bytes{});
  EXPECT_ERROR(read_cifar10(folder.path(), Split::kTest, CifarExtent::kSubset), DataError, "got 0");
  io::write_file(folder / "data_batch_2.bin", records(3, {{9}}));
  EXPECT_ERROR(read_cifar10(folder.path(), Split::kTrain, CifarExtent::kSubset), IoError, "data_batch_1.bin");
}

TEST(Cifar10, LabelsAreInRange) {
  TempFolder folder;
  io::write_file(folder / "test_batch.bin", records(5, {{9}, {0}, {10}}));
  EXPECT_ERROR(read_cifar10(folder.path(), Split::kTest, CifarExtent::kSubset), DataError,
               "expected labels 0..9, got 10 in record 2");
}

TEST(Cifar100, TakesFineOrCoarseLabels) {
  TempFolder folder;
  io::write_file(folder / "train.bin", records(4, {{19, 99}, {3, 42}}));
  const ImageDataset fine = read_cifar100(folder.path(), Split::kTrain, CifarLabels::kFine, CifarExtent::kSubset);
  EXPECT_EQ(fine.labels, (std::vector<std::int32_t>{99, 42, 99, 42}));
  EXPECT_EQ(fine.num_classes, 100);
  EXPECT_EQ(fine.class_names[99], "worm");
  EXPECT_EQ(fine.image(1)[0], 31);
  const ImageDataset coarse = read_cifar100(folder.path(), Split::kTrain, CifarLabels::kCoarse, CifarExtent::kSubset);
  EXPECT_EQ(coarse.labels, (std::vector<std::int32_t>{19, 3, 19, 3}));
  EXPECT_EQ(coarse.num_classes, 20);
  EXPECT_EQ(coarse.class_names[19], "vehicles_2");
}

TEST(Cifar100, DamageIsNamed) {
  TempFolder folder;
  EXPECT_ERROR(read_cifar100(folder.path(), Split::kTrain), IoError, "train.bin");
  io::write_file(folder / "train.bin", records(10, {{1, 1}}));
  EXPECT_ERROR(read_cifar100(folder.path(), Split::kTrain), DataError, "expected 153700000 bytes");
  io::write_file(folder / "test.bin", records(2, {{20, 1}}));
  EXPECT_ERROR(read_cifar100(folder.path(), Split::kTest, CifarLabels::kFine, CifarExtent::kSubset), DataError,
               "expected labels 0..19, got 20");
  io::write_file(folder / "test.bin", records(2, {{1, 100}}));
  EXPECT_ERROR(read_cifar100(folder.path(), Split::kTest, CifarLabels::kCoarse, CifarExtent::kSubset), DataError,
               "expected labels 0..99, got 100");
}

TEST(ImageDataset, SelectKeepsOrderAndChecksIndices) {
  TempFolder folder;
  io::write_file(folder / "test_batch.bin", records(5, {{0}, {1}, {2}, {3}, {4}}));
  const ImageDataset data = read_cifar10(folder.path(), Split::kTest, CifarExtent::kSubset);
  const ImageDataset part = select(data, {4, 1});
  EXPECT_EQ(part.count, 2);
  EXPECT_EQ(part.labels, (std::vector<std::int32_t>{4, 1}));
  EXPECT_EQ(part.image(0)[0], data.image(4)[0]);
  EXPECT_ERROR(select(data, {5}), UsageError, "got 5");
  EXPECT_ERROR(parse_split("tset"), UsageError, "tset");
}

}  // namespace
}  // namespace engram
