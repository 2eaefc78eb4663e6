/// IDX readers: plain and gzipped files, and every kind of damage as one clear error.

#include <gtest/gtest.h>

#include "engine/io/atomic_file.h"
#include "engine/io/gzip.h"
#include "kernels/common/error.h"
#include "models/data/idx.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

using test::TempFolder;

io::Bytes idx(const std::vector<std::uint32_t>& shape, std::size_t values, int step = 1) {
  io::Bytes bytes = {0, 0, 8, static_cast<std::uint8_t>(shape.size())};
  for (std::uint32_t extent : shape) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes.push_back(static_cast<std::uint8_t>(extent >> shift));
  }
  for (std::size_t i = 0; i < values; ++i) bytes.push_back(static_cast<std::uint8_t>(i * step));
  return bytes;
}

TEST(Idx, ReadsPlainAndGzippedFiles) {
  TempFolder folder;
  io::write_file(folder / "t10k-images-idx3-ubyte.gz", io::gzip(idx({3, 4, 5}, 60)));
  io::write_file(folder / "t10k-labels-idx1-ubyte", idx({3}, 3, 2));
  const ImageDataset data = read_idx_set(folder.path(), IdxSet::kMnist, Split::kTest);
  EXPECT_EQ(data.count, 3);
  EXPECT_EQ(data.channels, 1);
  EXPECT_EQ(data.height, 4);
  EXPECT_EQ(data.width, 5);
  EXPECT_EQ(data.labels, (std::vector<std::int32_t>{0, 2, 4}));
  EXPECT_EQ(data.image(2)[1], 41);
  EXPECT_EQ(data.name, "mnist");
  EXPECT_EQ(data.class_names[7], "7");
  EXPECT_FLOAT_EQ(data.normalization.mean[0], 0.1307f);
}

TEST(Idx, FashionMnistHasItsOwnSubfolderAndNames) {
  TempFolder folder;
  std::filesystem::create_directory(folder / "fashion-mnist");
  io::write_file(folder / "fashion-mnist/train-images-idx3-ubyte", idx({2, 2, 2}, 8));
  io::write_file(folder / "fashion-mnist/train-labels-idx1-ubyte.gz", io::gzip(idx({2}, 2, 9)));
  const ImageDataset data = read_idx_set(folder.path(), IdxSet::kFashionMnist, Split::kTrain);
  EXPECT_EQ(data.labels, (std::vector<std::int32_t>{0, 9}));
  EXPECT_EQ(data.class_names[9], "Ankle boot");
  EXPECT_ERROR(read_idx_set(folder.path(), IdxSet::kMnist, Split::kTrain), IoError, "train-images-idx3-ubyte");
}

TEST(Idx, ColourImagesHaveRankFourAndPerhapsSecondLabels) {
  TempFolder folder;
  io::write_file(folder / "train-images-idx4-ubyte", idx({3, 3, 2, 2}, 36));
  io::write_file(folder / "train-labels-idx1-ubyte.gz", io::gzip(idx({3}, 3, 2)));
  const ImageDataset plain = read_idx_folder(folder.path(), Split::kTrain);
  EXPECT_EQ(plain.count, 3);
  EXPECT_EQ(plain.channels, 3);
  EXPECT_EQ(plain.height, 2);
  EXPECT_EQ(plain.image(1)[4], 16);  // planes of an image one after the other
  EXPECT_EQ(plain.num_classes, 5);
  EXPECT_EQ(plain.class_names[4], "4");
  EXPECT_TRUE(plain.contexts.empty());
  io::write_file(folder / "train-contexts-idx1-ubyte", idx({3}, 3));
  const ImageDataset data = read_idx_folder(folder.path(), Split::kTrain);
  EXPECT_EQ(data.contexts, (std::vector<std::int32_t>{0, 1, 2}));
  EXPECT_EQ(data.context_names, (std::vector<std::string>{"0", "1", "2"}));
  EXPECT_ERROR(read_idx_folder(folder.path(), Split::kTest), IoError, "test-images-idx3-ubyte");
  io::write_file(folder / "train-contexts-idx1-ubyte", idx({2}, 2));
  EXPECT_ERROR(read_idx_folder(folder.path(), Split::kTrain), DataError,
               "one second label per image, got 2 second labels for 3 images");
  io::write_file(folder / "t10k-images-idx3-ubyte", idx({2, 2, 2}, 8));
  EXPECT_ERROR(read_idx_folder(folder.path(), Split::kTest), IoError, "t10k-labels-idx1-ubyte");
}

TEST(Idx, MissingFilesAreNamed) {
  TempFolder folder;
  EXPECT_ERROR(read_idx_set(folder.path(), IdxSet::kMnist, Split::kTrain), IoError, "train-labels-idx1-ubyte");
  io::write_file(folder / "train-images-idx3-ubyte", idx({2, 2, 2}, 8));
  EXPECT_ERROR(read_idx_set(folder.path(), IdxSet::kMnist, Split::kTrain), IoError,
               "did not find train-labels-idx1-ubyte");
}

TEST(Idx, HeadersAndSizesAreExact) {
  EXPECT_ERROR(parse_idx(io::Bytes{}, 1, "f"), DataError, "expected a header of 8 bytes, got 0 bytes in f");
  EXPECT_ERROR(parse_idx(idx({2, 2}, 4), 3, "f"), DataError, "got 0 0 8 2 in f");
  EXPECT_ERROR(parse_idx(idx({2, 2, 2, 1}, 8), 3, "f"), DataError, "got 0 0 8 4 in f");
  EXPECT_ERROR(parse_idx(idx({5}, 4), 1, "f"), DataError, "expected 8 + 5 bytes, got 12");
  EXPECT_ERROR(parse_idx(idx({5}, 6), 1, "f"), DataError, "got 14");
  EXPECT_ERROR(parse_idx(idx({0xffffffff, 0xffffffff, 0xffffffff}, 6), 3, "f"), DataError, "got 22");
  EXPECT_ERROR(parse_idx(idx({65536, 65536, 65536}, 0), 3, "f"), DataError, "65536x65536x65536");
  io::Bytes other_type = idx({4}, 4);
  other_type[2] = 0x0D;
  EXPECT_ERROR(parse_idx(other_type, 1, "f"), DataError, "got 0 0 13 1");
  EXPECT_EQ(parse_idx(idx({4}, 4), 1, "f").values.size(), 4u);
}

TEST(Idx, SetsThatDoNotFitTogetherAreRefused) {
  TempFolder folder;
  io::write_file(folder / "train-images-idx3-ubyte", idx({2, 2, 2}, 8));
  io::write_file(folder / "train-labels-idx1-ubyte", idx({3}, 3));
  const auto read = [&] { return read_idx_set(folder.path(), IdxSet::kMnist, Split::kTrain); };
  EXPECT_ERROR(read(), DataError, "3 labels for 2 images");
  io::write_file(folder / "train-labels-idx1-ubyte", idx({2}, 2, 10));
  EXPECT_ERROR(read(), DataError, "expected labels 0..9, got 10 for image 1");
  io::write_file(folder / "train-images-idx3-ubyte", idx({0, 2, 2}, 0));
  io::write_file(folder / "train-labels-idx1-ubyte", idx({0}, 0));
  EXPECT_ERROR(read(), DataError, "at least one image");
}

TEST(Idx, DamagedGzipIsRefused) {
  TempFolder folder;
  io::write_file(folder / "train-labels-idx1-ubyte", idx({2}, 2));
  io::Bytes packed = io::gzip(idx({2, 2, 2}, 8));
  io::Bytes shorter(packed.begin(), packed.end() - 5);
  const auto read = [&] { return read_idx_set(folder.path(), IdxSet::kMnist, Split::kTrain); };
  io::write_file(folder / "train-images-idx3-ubyte.gz", shorter);
  EXPECT_ERROR(read(), DataError, "train-images-idx3-ubyte.gz");
  packed[packed.size() - 6] ^= 1;
  io::write_file(folder / "train-images-idx3-ubyte.gz", packed);
  EXPECT_ERROR(read(), DataError, "train-images-idx3-ubyte.gz");
  io::write_file(folder / "train-images-idx3-ubyte.gz", "not gzip at all");
  EXPECT_ERROR(read(), DataError, "train-images-idx3-ubyte.gz");
}

}  // namespace
}  // namespace engram
