/// Folders of PNG and JPEG files, packed sets, and the choice of a reader by what is there.

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/io/atomic_file.h"
#include "engine/io/png.h"
#include "engine/io/safetensors.h"
#include "engine/io/tensor_bytes.h"
#include "engine/stop_scope.h"
#include "kernels/common/error.h"
#include "models/data/class_matching.h"
#include "models/data/class_names.h"
#include "models/data/image_folder.h"
#include "models/data/open_dataset.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

using test::TempFolder;
namespace fs = std::filesystem;

void write_image(const fs::path& path, dim_t width, dim_t height, std::uint8_t first, dim_t channels = 3) {
  io::Image image{width, height, channels, {}};
  for (dim_t i = 0; i < width * height * channels; ++i) image.pixels.push_back(static_cast<std::uint8_t>(first + i));
  fs::create_directories(path.parent_path());
  io::write_png(path, image);
}

ImageDataset made_up() {
  ImageDataset data;
  data.name = "made-up";
  data.count = 3;
  data.channels = 3;
  data.height = 2;
  data.width = 4;
  data.num_classes = 12;
  data.labels = {11, 0, 5};
  for (int i = 0; i < 72; ++i) data.pixels.push_back(static_cast<std::uint8_t>(i * 3));
  for (int i = 0; i < 12; ++i) data.class_names.push_back("class " + std::to_string(i));
  data.normalization = cifar_normalization();
  return data;
}

TEST(ImageFolder, AStopEndsTheReadingAtTheNextImage) {
  TempFolder folder;
  for (const char* name : {"dog/a.png", "dog/b.png", "dog/c.png"}) write_image(folder / name, 3, 2, 50);
  const ImageDataset data = read_image_folder(folder.path());
  int asked = 0;
  const StopScope scope([&] { return ++asked == 2; });
  EXPECT_ERROR(read_image_folder(folder.path()), Stopped, "stopped while images were read");
  EXPECT_EQ(asked, 2);
  asked = 0;
  EXPECT_ERROR(resize_images(data, {6, 6}), Stopped, "stopped while images were resized");
  EXPECT_EQ(asked, 2);
}

TEST(ImageFolder, SortsClassesAndFilesAndStoresPlanar) {
  TempFolder folder;
  write_image(folder / "dog/b.png", 3, 2, 100);
  write_image(folder / "dog/a.png", 3, 2, 50);
  write_image(folder / "cat/z.PNG", 3, 2, 0);
  write_image(folder / ".hidden/z.png", 9, 9, 0);
  io::write_file(folder / "dog/notes.txt", "not an image");
  const ImageDataset data = read_image_folder(folder.path());
  EXPECT_EQ(data.labels, (std::vector<std::int32_t>{0, 1, 1}));
  EXPECT_EQ(data.class_names, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(data.height, 2);
  EXPECT_EQ(data.width, 3);
  EXPECT_EQ(data.image(1)[0], 50);  // red of the first pixel
  EXPECT_EQ(data.image(1)[1], 53);  // red of the second
  EXPECT_EQ(data.image(1)[6], 51);  // green of the first
  EXPECT_EQ(data.image(2)[17], 117);
}

/// A stored JPEG file (37 x 29) and what it decodes to.
const fs::path kPhotograph = fs::path(ENGRAM_SOURCE_DIR) / "tests/data/jpeg/rgb_420.jpg";
const fs::path kDecoded = fs::path(kPhotograph).replace_extension(".png");

TEST(ImageFolder, ReadsPngAndJpegFilesSideBySide) {
  TempFolder folder;
  write_image(folder / "dog/a.png", 37, 29, 50);
  write_image(folder / "cat/d.png", 37, 29, 0, 1);
  fs::copy_file(kPhotograph, folder / "dog/b.JPG");
  fs::copy_file(kPhotograph, folder / "dog/c.jpeg");
  fs::copy_file(kDecoded, folder / "dog/d.jpg");  // content, not the name, decides
  const ImageDataset data = read_image_folder(folder.path());
  EXPECT_EQ(data.labels, (std::vector<std::int32_t>{0, 1, 1, 1, 1}));
  const io::Image decoded = io::read_png(kDecoded);
  for (dim_t i = 2; i < 5; ++i)
    for (dim_t p = 0; p < 37 * 29; ++p)
      for (dim_t c = 0; c < 3; ++c)
        ASSERT_EQ(data.image(i)[c * 37 * 29 + p], decoded.pixels[std::size_t(3 * p + c)]) << i << " " << p << " " << c;
  EXPECT_EQ(data.note, "");
  io::write_file(folder / "dog/e.jpg", "a photograph");
  EXPECT_ERROR(read_image_folder(folder.path()), DataError, "e.jpg] expected a PNG or JPEG file");
}

TEST(ImageFolder, JpegFilesAloneAreASet) {
  TempFolder folder;
  fs::create_directories(folder / "cat");
  fs::copy_file(kPhotograph, folder / "cat/a.jpeg");
  EXPECT_TRUE(has_image_folders(folder.path()));
  EXPECT_EQ(detect_dataset_kind(folder.path()), "folder");
  EXPECT_EQ(read_image_folder(folder.path(), {}, {8, 8}).shape(), (ImageShape{3, 8, 8}));
  EXPECT_FALSE(has_plain_images(folder.path()));
  EXPECT_TRUE(has_plain_images(folder / "cat"));
  EXPECT_EQ(read_plain_images(folder / "cat").count, 1);
}

TEST(ImageFolder, APngFileStandsForTheJpegFileOfItsName) {
  TempFolder folder;
  write_image(folder / "dog/b.png", 37, 29, 100);
  fs::copy_file(kPhotograph, folder / "dog/b.JPG");
  fs::copy_file(kPhotograph, folder / "dog/c.jpg");
  const ImageDataset data = read_image_folder(folder.path());
  EXPECT_EQ(data.count, 2);
  EXPECT_EQ(data.image(0)[0], 100);
  EXPECT_EQ(data.note, "1 JPEG file passed over, with a PNG file of the same name beside it");
  write_image(folder / "dog/c.png", 37, 29, 0);
  EXPECT_EQ(read_plain_images(folder / "dog").note,
            "2 JPEG files passed over, with a PNG file of the same name beside each");
}

TEST(ImageFolder, NamesOfInversionCarryTheLabel) {
  TempFolder folder;
  write_image(folder / "s00/a.png", 2, 2, 0);
  write_image(folder / "s07_ship/a.png", 2, 2, 1);
  write_image(folder / "grids/a.png", 64, 64, 2);
  const ImageDataset data = read_image_folder(folder.path());
  EXPECT_EQ(data.labels, (std::vector<std::int32_t>{0, 7}));
  EXPECT_EQ(data.num_classes, 8);
  EXPECT_EQ(data.note, "labels of class folders, by number: s00 = 0, s07_ship = 7; 1 other folder passed over");
  EXPECT_EQ(read_image_folder(folder.path(), {10, {}}).num_classes, 10);
  EXPECT_ERROR(read_image_folder(folder.path(), {7, {}}), DataError, "expected labels 0..6, got 7");
}

TEST(ImageFolder, GreyImagesStayGreyAndBecomeRgbBesideColours) {
  TempFolder folder;
  write_image(folder / "a/1.png", 2, 1, 40, 1);
  write_image(folder / "a/2.png", 2, 1, 7, 1);
  const ImageDataset grey = read_image_folder(folder.path());
  EXPECT_EQ(grey.channels, 1);
  EXPECT_EQ(grey.pixels, (std::vector<std::uint8_t>{40, 41, 7, 8}));
  EXPECT_EQ(grey.normalization.mean.size(), 1u);
  write_image(folder / "a/3.png", 2, 1, 0, 3);
  write_image(folder / "b/1.png", 2, 1, 9, 1);
  const ImageDataset data = read_image_folder(folder.path());
  EXPECT_EQ(data.channels, 3);
  EXPECT_EQ((std::vector<std::uint8_t>(data.image(0), data.image(1))),
            (std::vector<std::uint8_t>{40, 41, 40, 41, 40, 41}));
  EXPECT_EQ(data.image(2)[2], 1);
  EXPECT_EQ((std::vector<std::uint8_t>(data.image(3), data.image(3) + 6)),
            (std::vector<std::uint8_t>{9, 10, 9, 10, 9, 10}));
}

TEST(ImageFolder, UnequalImagesAreResizedOnRequest) {
  TempFolder folder;
  write_image(folder / "a/1.png", 4, 4, 0);
  write_image(folder / "a/2.png", 2, 6, 0);
  write_image(folder / "a/3.png", 3, 2, 10);
  EXPECT_ERROR(read_image_folder(folder.path()), DataError, "hint: --image-size N");
  const ImageDataset data = read_image_folder(folder.path(), {}, {2, 3});
  EXPECT_EQ(data.count, 3);
  EXPECT_EQ(data.height, 2);
  EXPECT_EQ(data.width, 3);
  EXPECT_EQ(data.image(2)[1], 13);  // of that size already: as it is
}

/// Folders named like the classifier's classes, or numbers, or neither.
TEST(ClassFolders, FollowNamesNumbersOrOrder) {
  const auto labels = [](const std::vector<std::string>& names, const KnownClasses& known = {}) {
    std::string text;
    for (const auto& folder : label_class_folders(names, known, "there").folders)
      text += folder.name + "=" + std::to_string(folder.label) + " ";
    return text;
  };
  EXPECT_EQ(labels({"dog", "cat"}), "cat=0 dog=1 ");
  EXPECT_EQ(labels({"0", "1", "10", "11", "2"}), "0=0 1=1 2=2 10=10 11=11 ");
  EXPECT_EQ(labels({"frog", "cat", "dog"}, {10, cifar10_class_names()}), "cat=3 dog=5 frog=6 ");
  EXPECT_EQ(labels({"frog", "cat", "dog"}, {10, {}}), "cat=3 dog=5 frog=6 ");  // CIFAR-10 has them
  EXPECT_EQ(labels({"Ankle_boot", "coat"}, {10, fashion_mnist_class_names()}), "coat=4 Ankle_boot=9 ");
  EXPECT_EQ(labels({"b", "a"}, {2, {"b", "a"}}), "b=0 a=1 ");
  EXPECT_EQ(labels({"7", "3"}, {2, {"7", "3"}}), "7=0 3=1 ");
  EXPECT_EQ(labels({"y", "x"}, {2, {}}), "x=0 y=1 ");
  EXPECT_EQ(labels({"s3", "s12", "other"}, {20, {}}), "s3=3 s12=12 ");
}

TEST(ClassFolders, SayTheMappingUnlessItGoesWithoutSaying) {
  EXPECT_EQ(label_class_folders({"cat", "dog"}, {}, "there").note, "");
  EXPECT_EQ(label_class_folders({"10", "0", "1", "2", "3", "4", "5", "6", "7", "8", "9"}, {}, "there").note, "");
  EXPECT_EQ(label_class_folders({"cat", "dog"}, {10, cifar10_class_names()}, "there").note,
            "labels of class folders, by name: cat = 3, dog = 5");
  EXPECT_EQ(label_class_folders({"cat", "dog"}, {10, {}}, "there").note,
            "labels of class folders, by the names of CIFAR-10: cat = 3, dog = 5");
  EXPECT_EQ(label_class_folders({"x", "y"}, {2, {}}, "there").note,
            "labels of class folders, in the order of their names: x = 0, y = 1");
  EXPECT_EQ(label_class_folders({"1", "2"}, {}, "there").note, "labels of class folders, by number: 1 = 1, 2 = 2");
  const ClassFolders some = label_class_folders({"2", "0"}, {4, {"a", "b", "c", "d"}}, "there");
  EXPECT_EQ(some.class_names, (std::vector<std::string>{"a", "b", "c", "d"}));
}

TEST(ClassFolders, WhatIsAmbiguousIsRefused) {
  const auto label = [](const std::vector<std::string>& names, const KnownClasses& known) {
    return label_class_folders(names, known, "there");
  };
  EXPECT_ERROR(label({"cat", "katze"}, {10, cifar10_class_names()}), DataError,
               "got katze in there; hint: rename the folders");
  EXPECT_ERROR(label({"a", "b", "c"}, {10, {}}), DataError, "which of 10 classes they are, got a, b, c in there");
  EXPECT_ERROR(label({"1", "01"}, {}), DataError, "got 01 and 1 for label 1");
  EXPECT_ERROR(label({"cat", "Cat"}, {10, cifar10_class_names()}), DataError, "for label 3");
  EXPECT_ERROR(label({"10", "2"}, {10, {}}), DataError, "expected labels 0..9, got 10 from the class folder 10");
}

TEST(ClassFolders, NumbersOfLabelsAreNoNames) {
  EXPECT_EQ(known_classes({"owl", "elk"}).names, (std::vector<std::string>{"owl", "elk"}));
  EXPECT_EQ(known_classes({"1", "0"}).names, (std::vector<std::string>{"1", "0"}));
  EXPECT_TRUE(known_classes({"0", "1", "2"}).names.empty());
  EXPECT_EQ(known_classes({"0", "1", "2"}).count, 3);
}

TEST(ImageFolder, WhatIsWrongIsNamed) {
  TempFolder folder;
  EXPECT_ERROR(read_image_folder(folder / "nowhere"), IoError, "nowhere");
  EXPECT_ERROR(read_image_folder(folder.path()), DataError, "got none");
  fs::create_directory(folder / "empty");
  EXPECT_ERROR(read_image_folder(folder.path()), DataError, "class folder");
  write_image(folder / "empty/a.png", 2, 2, 0);
  write_image(folder / "empty/b.png", 2, 3, 0);
  EXPECT_ERROR(read_image_folder(folder.path()), DataError, "got 2x3");
  EXPECT_ERROR(read_image_folder(folder.path()), DataError, "b.png");
  io::write_file(folder / "empty/b.png", "no PNG");
  EXPECT_ERROR(read_image_folder(folder.path()), DataError, "b.png");
}

TEST(PackedImages, ComeBackAsWritten) {
  TempFolder folder;
  const ImageDataset data = made_up();
  write_packed_images(folder / "set.safetensors", data);
  const ImageDataset back = read_packed_images(folder / "set.safetensors");
  EXPECT_EQ(back.pixels, data.pixels);
  EXPECT_EQ(back.labels, data.labels);
  EXPECT_EQ(back.class_names, data.class_names);
  EXPECT_EQ(back.num_classes, 12);
  EXPECT_EQ(back.height, 2);
  EXPECT_EQ(back.width, 4);
  for (const int others : {5, 20})
    EXPECT_ERROR(read_packed_images(folder / "set.safetensors", others), DataError,
                 message("expected images of ", others, " classes, got 12"));
}

TEST(PackedImages, SecondLabelsComeBackAndMustFit) {
  TempFolder folder;
  ImageDataset data = made_up();
  data.contexts = {1, 0, 1};
  data.context_names = {"grass", "snow"};
  write_packed_images(folder / "set.safetensors", data);
  const ImageDataset back = read_packed_images(folder / "set.safetensors");
  EXPECT_EQ(back.contexts, data.contexts);
  EXPECT_EQ(back.context_names, data.context_names);
  data.contexts[1] = 2;
  EXPECT_ERROR(write_packed_images(folder / "wrong.safetensors", data), DataError, "second labels 0..1, got 2");
  const std::vector<std::uint8_t> pixels(2 * 1 * 2 * 2, 9);
  const std::vector<std::int32_t> labels = {0, 1};
  const io::SafetensorsEntry fewer[] = {
      {"images", io::FileDType::kU8, {2, 1, 2, 2}, pixels},
      {"labels", io::FileDType::kI32, {2}, io::bytes_of<std::int32_t>(labels)},
      {"contexts", io::FileDType::kI32, {1}, io::bytes_of<std::int32_t>({labels.data(), 1})}};
  io::write_safetensors(folder / "fewer.safetensors", fewer);
  EXPECT_ERROR(read_packed_images(folder / "fewer.safetensors"), DataError,
               "expected contexts I32 or I64 [2], got I32 [1]");
}

TEST(PackedImages, TakesLongLabelsWithoutMetadata) {
  TempFolder folder;
  const std::vector<std::uint8_t> pixels(2 * 1 * 2 * 2, 9);
  const std::vector<std::int64_t> labels = {0, 3};
  const io::SafetensorsEntry entries[] = {{"images", io::FileDType::kU8, {2, 1, 2, 2}, pixels},
                                          {"labels", io::FileDType::kI64, {2}, io::bytes_of<std::int64_t>(labels)}};
  io::write_safetensors(folder / "set.safetensors", entries);
  const ImageDataset data = read_packed_images(folder / "set.safetensors");
  EXPECT_EQ(data.labels, (std::vector<std::int32_t>{0, 3}));
  EXPECT_EQ(data.num_classes, 4);
  EXPECT_EQ(data.channels, 1);
}

TEST(PackedImages, WhatIsWrongIsNamed) {
  TempFolder folder;
  const fs::path file = folder / "set.safetensors";
  const std::vector<std::uint8_t> pixels(24, 9);
  const std::vector<float> floats(24, 0.5f);
  const std::vector<std::int32_t> labels = {0, -1};
  const io::SafetensorsEntry images{"images", io::FileDType::kU8, {2, 3, 2, 2}, pixels};
  const io::SafetensorsEntry good_labels{"labels", io::FileDType::kI32, {2}, io::bytes_of<std::int32_t>(labels)};
  const auto write = [&](std::vector<io::SafetensorsEntry> entries, io::SafetensorsMetadata metadata = {}) {
    io::write_safetensors(file, entries, metadata);
  };
  EXPECT_ERROR(read_packed_images(file), IoError, "set.safetensors");
  write({images});
  EXPECT_ERROR(read_packed_images(file), DataError, "did not find labels");
  write({{"images", io::FileDType::kF32, {2, 3, 2, 2}, io::bytes_of<float>(floats)}, good_labels});
  EXPECT_ERROR(read_packed_images(file), DataError, "got F32 [2,3,2,2]");
  write({{"images", io::FileDType::kU8, {4, 3, 2}, pixels}, good_labels});
  EXPECT_ERROR(read_packed_images(file), DataError, "got U8 [4,3,2]");
  write({{"images", io::FileDType::kU8, {3, 2, 2, 2}, pixels}, good_labels});
  EXPECT_ERROR(read_packed_images(file), DataError, "C 1 or 3");
  write({images, {"labels", io::FileDType::kI32, {2, 1}, io::bytes_of<std::int32_t>(labels)}});
  EXPECT_ERROR(read_packed_images(file), DataError, "expected labels I32 or I64 [2], got I32 [2,1]");
  write({images, good_labels});
  EXPECT_ERROR(read_packed_images(file), DataError, "got -1 for image 1");
  write({images, good_labels}, {{"num_classes", "ten"}});
  EXPECT_ERROR(read_packed_images(file), DataError, "num_classes");
  io::write_file(file, "short");
  EXPECT_ERROR(read_packed_images(file), DataError, "set.safetensors");
}

TEST(OpenDataset, RecognisesEachKind) {
  TempFolder folder;
  const auto make = [&](const char* name) {
    fs::create_directories((folder / name).parent_path());
    io::write_file(folder / name, "x");
  };
  make("a/cifar-10-batches-bin/test_batch.bin");
  make("b/train.bin");
  make("c/t10k-images-idx3-ubyte.gz");
  make("d/fashion-mnist/train-images-idx3-ubyte");
  make("e/cat/one.PNG");
  make("f/s00/one.png");
  make("f.safetensors");
  make("g/sketch-labels-idx1-ubyte");
  EXPECT_EQ(detect_dataset_kind(folder / "a"), "cifar10");
  EXPECT_EQ(detect_dataset_kind(folder / "b"), "cifar100");
  EXPECT_EQ(detect_dataset_kind(folder / "c"), "mnist");
  EXPECT_EQ(detect_dataset_kind(folder / "d"), "fashion-mnist");
  EXPECT_EQ(detect_dataset_kind(folder / "d/fashion-mnist"), "fashion-mnist");
  EXPECT_EQ(detect_dataset_kind(folder / "e"), "folder");
  EXPECT_EQ(detect_dataset_kind(folder / "f"), "folder");
  EXPECT_EQ(detect_dataset_kind(folder / "f.safetensors"), "packed");
  EXPECT_EQ(detect_dataset_kind(folder / "g"), "pacs");
}

TEST(OpenDataset, SaysWhatItLookedFor) {
  TempFolder folder;
  EXPECT_ERROR(open_dataset("auto", folder / "nowhere", Split::kTrain), IoError, "found nothing there");
  fs::create_directory(folder / "empty");
  EXPECT_ERROR(open_dataset("auto", folder / "empty", Split::kTrain), IoError, "data_batch_1.bin");
  EXPECT_ERROR(open_dataset("auto", folder.path(), Split::kTrain), IoError, "t10k-images-idx3-ubyte");
  EXPECT_ERROR(open_dataset("cifar11", folder.path(), Split::kTrain), UsageError, "cifar10, ");
  fs::create_directory(folder / "cifar-10-batches-bin");
  io::write_file(folder / "cifar-10-batches-bin/test_batch.bin", "x");
  io::write_file(folder / "train.bin", "x");
  EXPECT_ERROR(open_dataset("auto", folder.path(), Split::kTrain), UsageError, "got cifar10, cifar100; name the kind");
}

TEST(OpenDataset, ReadsTheSplitSubfolderWhereThereIsOne) {
  TempFolder folder;
  write_image(folder / "train/s00/1.png", 2, 2, 0);
  write_image(folder / "test/s00/1.png", 2, 2, 10);
  write_image(folder / "test/s00/2.png", 2, 2, 20);
  EXPECT_EQ(open_dataset("auto", folder.path(), Split::kTrain).count, 1);
  const ImageDataset data = open_dataset("folder", folder.path(), Split::kTest, 10);
  EXPECT_EQ(data.count, 2);
  EXPECT_EQ(data.split, "test");
  EXPECT_EQ(data.num_classes, 10);
}

TEST(OpenDataset, ResizesAndTakesListedRecords) {
  TempFolder folder;
  write_image(folder / "a/1.png", 4, 4, 0);
  write_image(folder / "a/2.png", 4, 4, 100);
  io::write_file(folder / "list.txt", "1\n");
  const ImageDataset data =
      open_dataset({.path = folder.path(), .split = Split::kTest, .size = {2, 2}, .index_list = folder / "list.txt"});
  EXPECT_EQ(data.count, 1);
  EXPECT_EQ(data.width, 2);
  for (const auto& [text, what] :
       {std::pair{"2", "expected an index 0..1, got \"2\" in line 1"}, std::pair{"0\n0", "0 again in line 2"},
        std::pair{"\n\n", "got none"}, std::pair{"-1", "got \"-1\""}, std::pair{"1x", "got \"1x\""}}) {
    io::write_file(folder / "list.txt", text);
    EXPECT_ERROR(open_dataset({.path = folder.path(), .index_list = folder / "list.txt"}), DataError, what);
  }
  EXPECT_ERROR(open_dataset({.path = folder.path(), .domains = {"photo"}}), UsageError, "domains for PACS only");
}

TEST(OpenDataset, PackedSetsFollowTheNamesOfTheClassifier) {
  TempFolder folder;
  const ImageDataset data = made_up();  // labels 11, 0, 5
  write_packed_images(folder / "set.safetensors", data);
  DatasetRequest request{.path = folder / "set.safetensors", .classes = {12, data.class_names}};
  EXPECT_EQ(open_dataset(request).note, "");
  std::reverse(request.classes.names.begin(), request.classes.names.end());
  const ImageDataset turned = open_dataset(request);
  EXPECT_EQ(turned.labels, (std::vector<std::int32_t>{0, 11, 6}));
  EXPECT_EQ(turned.class_names, request.classes.names);
  EXPECT_NE(turned.note, "");
  request.classes.names[0] = "other";
  EXPECT_ERROR(open_dataset(request), DataError, "there is no class ");
}

TEST(OpenDataset, DigitsAreNamesInMnistAndNumbersElsewhere) {
  TempFolder folder;
  ImageDataset data = made_up();
  for (int label = 0; label < 12; ++label) data.class_names[std::size_t(label)] = std::to_string(label);
  write_packed_images(folder / "set.safetensors", data);
  KnownClasses known{12, {}};
  for (char name = 'a'; name < 'm'; ++name) known.names.push_back(std::string(1, name));
  const ImageDataset numbered = open_dataset({.path = folder / "set.safetensors", .classes = known});
  EXPECT_EQ(numbered.labels, data.labels);
  EXPECT_EQ(numbered.class_names, known.names);
  EXPECT_NE(numbered.note.find("labels by number"), std::string::npos) << numbered.note;

  EXPECT_TRUE(known_classes(mnist_class_names(), "packed").names.empty());
  EXPECT_EQ(known_classes(mnist_class_names(), "mnist").names, mnist_class_names());
  ImageDataset digits;
  digits.name = "mnist";
  digits.num_classes = 10;
  digits.class_names = mnist_class_names();
  EXPECT_ERROR(match_classes(digits, {10, cifar10_class_names()}, "there"), DataError,
               "got 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 in the mnist set at there: there is no class 0; hint: ");
  EXPECT_NO_THROW(match_classes(digits, {10, {}}, "there"));
  EXPECT_NO_THROW(match_classes(digits, {10, mnist_class_names()}, "there"));
}

TEST(OpenDataset, TwoNamesOfOneClassAreRefused) {
  ImageDataset data;
  data.name = "packed";
  data.num_classes = 2;
  data.class_names = {"cat", "Cat"};
  EXPECT_ERROR(match_classes(data, {2, {"cat", "dog"}}, "there"), DataError, "two are cat");
}

TEST(OpenDataset, AStatedNumberOfClassesIsChecked) {
  const std::string folder = std::string(ENGRAM_SOURCE_DIR) + "/tests/data/cifar-10-excerpt";
  EXPECT_EQ(open_dataset("cifar10-subset", folder, Split::kTest, 10).count, 2);
  EXPECT_ERROR(open_dataset("cifar10-subset", folder, Split::kTest, 100), DataError, "expected 100 classes, got 10");
}

}  // namespace
}  // namespace engram
