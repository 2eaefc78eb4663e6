/// Environments: splits, batches of several at a time, drawn images, bad input.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>

#include "engine/io/atomic_file.h"
#include "engine/io/png.h"
#include "kernels/common/error.h"
#include "models/data/environment_stager.h"
#include "models/data/leave_out.h"
#include "models/data/ood_protocols.h"
#include "models/data/shapes_in_styles.h"
#include "tests/support/expect_error.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

namespace fs = std::filesystem;

/// `count` images of 2x3x4 whose first byte is `mark` + their number, in two classes.
Environment environment(const std::string& name, dim_t count, int mark) {
  Environment e{name, {}};
  ImageDataset& data = e.images;
  data.name = name;
  data.count = count;
  data.channels = 2;
  data.height = 3;
  data.width = 4;
  data.num_classes = 2;
  data.class_names = {"no", "yes"};
  data.normalization = {{0, 0}, {1, 1}};
  for (dim_t i = 0; i < count; ++i) {
    data.labels.push_back(std::int32_t(i % 2));
    for (dim_t p = 0; p < data.image_bytes(); ++p) data.pixels.push_back(std::uint8_t(mark + i + 3 * p));
  }
  return e;
}

Environments three() {
  Environments all = {environment("a", 10, 0), environment("b", 7, 60), environment("c", 4, 120)};
  label_by_environment(all);
  return all;
}

/// The first bytes of the images of a batch.
std::vector<int> marks(const Tensor& images) {
  std::vector<int> out;
  const std::vector<float> values = images.to_vector();
  for (std::size_t i = 0; i < values.size(); i += values.size() / std::size_t(images.dim(0)))
    out.push_back(int(std::lround(255 * values[i])));
  return out;
}

struct Step {
  std::vector<std::vector<float>> images;
  std::vector<std::vector<std::int32_t>> labels, contexts;
  bool operator==(const Step&) const = default;
};

Step step_of(EnvironmentStager& stager, dim_t step) {
  stager.stage(step);
  const EnvironmentBatch batch = stager.gather();
  Step out;
  for (const LabelledBatch& one : batch.environments) {
    out.images.push_back(one.images.to_vector());
    out.labels.push_back(one.labels.to_int_vector());
  }
  for (const Tensor& contexts : batch.contexts) out.contexts.push_back(contexts.to_int_vector());
  return out;
}

TEST(EnvironmentStager, EachEnvironmentIsWalkedInItsOwnEpochsWithItsLabels) {
  const Environments all = three();
  EnvironmentStager stager(all, {.batch_size = 3, .seed = 5}, {});
  EXPECT_EQ(stager.num_environments(), 3);
  EXPECT_EQ(stager.num_contexts(), 3);
  EXPECT_EQ(stager.num_classes(), 2);
  EXPECT_EQ(stager.steps_per_epoch(), 3);
  std::vector<std::set<dim_t>> seen(3);
  for (dim_t step = 0; step < 2; ++step) {
    stager.stage(step);
    const EnvironmentBatch batch = stager.gather();
    for (std::size_t e = 0; e < 3; ++e) {
      const std::vector<dim_t>& samples = stager.samples()[e];
      ASSERT_EQ(samples.size(), 3u);
      const std::vector<int> got = marks(batch.environments[e].images);
      const std::vector<std::int32_t> labels = batch.environments[e].labels.to_int_vector();
      for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(got[i], all[e].images.image(samples[i])[0]);
        EXPECT_EQ(labels[i], all[e].images.labels[std::size_t(samples[i])]);
        seen[e].insert(samples[i]);
      }
      EXPECT_EQ(batch.contexts[e].to_int_vector(), std::vector<std::int32_t>(3, std::int32_t(e)));
    }
  }
  EXPECT_EQ(seen[0].size(), 6u);
  EXPECT_EQ(seen[1].size(), 6u);  // two batches without a repetition
  EXPECT_LE(seen[2].size(), 4u);  // one batch an epoch
}

TEST(EnvironmentStager, GoesOnExactlyFromEveryStep) {
  EnvironmentPlan plan{.batch_size = 2, .seed = 9};
  plan.augment.padding = 1;
  plan.augment.flip_probability = 0.5f;
  EnvironmentStager whole(three(), plan, {});
  std::vector<Step> steps;
  for (dim_t step = 0; step < 8; ++step) steps.push_back(step_of(whole, step));
  for (dim_t first = 0; first < 8; ++first) {
    EnvironmentStager resumed(three(), plan, {});
    for (dim_t step = first; step < 8; ++step) ASSERT_EQ(step_of(resumed, step), steps[std::size_t(step)]) << first;
  }
  plan.seed = 10;
  EnvironmentStager other(three(), plan, {});
  EXPECT_NE(step_of(other, 0), steps[0]);
}

TEST(EnvironmentStager, FullBatchesAreAllImagesInOrderAndStay) {
  const Environments all = three();
  EnvironmentStager stager(all, {}, {});
  EXPECT_EQ(stager.steps_per_epoch(), 1);
  stager.stage(0);
  const EnvironmentBatch first = stager.gather();
  for (std::size_t e = 0; e < 3; ++e) EXPECT_EQ(first.environments[e].labels.to_int_vector(), all[e].images.labels);
  stager.stage(7);
  EXPECT_EQ(stager.gather().environments[1].images.raw_data(), first.environments[1].images.raw_data());
  // With random changes every step is new.
  EnvironmentPlan shifts;
  shifts.augment.padding = 1;
  EnvironmentStager changed(all, shifts, {});
  EXPECT_NE(step_of(changed, 0), step_of(changed, 1));
}

TEST(EnvironmentStager, WhatIsWrongIsNamed) {
  EXPECT_ERROR(EnvironmentStager(three(), {.batch_size = 5}, {}), UsageError, "at most the 4 images of c, got 5");
  EXPECT_ERROR(EnvironmentStager(three(), {.batch_size = 1}, {}), UsageError,
               "batches of at least 2 images, got 1 of a");
  EXPECT_ERROR(EnvironmentStager({}, {}, {}), UsageError, "got none");
  Environments other = three();
  other[1].images.class_names = {"x", "y"};
  EXPECT_ERROR(EnvironmentStager(other, {}, {}), DataError, "same classes, got others in b than in a");
}

TEST(LeaveOut, SplitsOnceUnlessTheLeakIsAskedFor) {
  const auto split = [](bool leak, std::uint64_t seed) {
    Environments all = {environment("a", 100, 0), environment("b", 80, 60), environment("c", 60, 120)};
    label_by_environment(all);
    return leave_out(all, "p", {.held_out = {"b"}, .validation = 0.1, .leak = leak, .seed = seed});
  };
  const OodData data = split(false, 3);
  ASSERT_EQ(data.train.size(), 2u);
  EXPECT_EQ(data.test[0].images.count, 80);
  EXPECT_EQ(data.validation[0].images.count, 10);
  const auto numbers = [](const Environment& e) {
    std::set<int> out;
    for (dim_t i = 0; i < e.images.count; ++i) out.insert(e.images.image(i)[0]);
    return out;
  };
  const auto shared = [&](const OodData& d) {
    const std::set<int> train = numbers(d.train[0]), held = numbers(d.validation[0]);
    return std::count_if(held.begin(), held.end(), [&](int i) { return train.contains(i); });
  };
  EXPECT_EQ(shared(data), 0);
  EXPECT_EQ(numbers(data.train[0]).size(), 90u);
  EXPECT_GE(shared(split(true, 3)), 5);  // each of ten with probability 0.9
  EXPECT_EQ(numbers(split(false, 3).train[0]), numbers(data.train[0]));
  EXPECT_NE(numbers(split(false, 4).train[0]), numbers(data.train[0]));
}

TEST(LeaveOut, WhatIsWrongIsNamed) {
  EXPECT_ERROR(leave_out(three(), "p", {.held_out = {"d"}}), UsageError, "among a, b, c, got 'd'");
  EXPECT_ERROR(leave_out(three(), "p", {.held_out = {"a", "a"}}), UsageError, "got 'a'");
  EXPECT_ERROR(leave_out(three(), "p", {}), UsageError, "among a, b, c, got none");
  EXPECT_ERROR(leave_out(three(), "p", {.held_out = {"a", "b", "c"}}), UsageError, "left for training");
  EXPECT_ERROR(leave_out(three(), "p", {.held_out = {"a"}, .validation = 1}), UsageError, "got 1");
  Environments missing = three();
  std::fill(missing[1].images.labels.begin(), missing[1].images.labels.end(), 0);
  EXPECT_ERROR(leave_out(missing, "p", {.held_out = {"a"}}), DataError, "got none of yes in b");
}

TEST(ShapesInStyles, IsFourEnvironmentsOfSevenShapesThatRepeat) {
  const Environments all = draw_shapes_in_styles({.side = 16, .images = 4});
  ASSERT_EQ(all.size(), 4u);
  for (const Environment& e : all) check_dataset(e.images, e.name);
  EXPECT_EQ(all[0].images.count, 28);
  EXPECT_EQ(class_counts(all[3].images), (std::vector<dim_t>{4, 3, 4, 1, 2, 4, 1}));
  EXPECT_EQ(draw_shapes_in_styles({.side = 16, .images = 4})[2].images.pixels, all[2].images.pixels);
  EXPECT_NE(draw_shapes_in_styles({.side = 16, .images = 4, .seed = 2})[2].images.pixels, all[2].images.pixels);
  // A line drawing is black and white, with some of each; the other styles have colours.
  const std::vector<std::uint8_t>& lines = all[3].images.pixels;
  EXPECT_TRUE(std::all_of(lines.begin(), lines.end(), [](std::uint8_t v) { return v == 0 || v == 255; }));
  const dim_t plane = 16 * 16;
  for (dim_t i = 0; i < all[3].images.count; ++i)
    EXPECT_GT(std::count(all[3].images.image(i), all[3].images.image(i) + plane, 0), 8) << i;
  EXPECT_FALSE(std::equal(all[1].images.image(0), all[1].images.image(0) + plane, all[1].images.image(0) + plane));
  EXPECT_ERROR(draw_shapes_in_styles({.side = 4}), UsageError, "got 4");
  EXPECT_ERROR(read_ood_data(R"({"name": "shapes-in-styles", "side": 8, "images": 1})", {.held_out = {"lines"}}),
               UsageError, "did you mean 'line'");
}

void write_png(const std::filesystem::path& file, dim_t width, dim_t height, std::uint8_t grey) {
  std::filesystem::create_directories(file.parent_path());
  io::write_png(file, {width, height, 3, io::Bytes(std::size_t(width * height * 3), grey)});
}

TEST(Nico, ReadsTheOfficialFoldersByTheirLists) {
  test::TempFolder folder;
  write_png(folder / "images/dog/running/1.png", 30, 20, 10);
  write_png(folder / "images/cat/on_snow/2.png", 16, 40, 20);
  write_png(folder / "images/cat/on_tree/3.png", 24, 24, 30);
  write_png(folder / "images/dog/in_street/4.png", 24, 24, 40);
  const auto read = [&] { return read_ood_data(R"({"name": "nico", "side": 8})", {.folder = folder.path()}); };
  EXPECT_ERROR(read(), IoError, "expected the list train.csv");
  io::write_file(folder / "animal_train_ood.csv", "dog/running/1.jpg,dog,running\ncat/on_snow/2.png,cat,on_snow\r\n");
  EXPECT_ERROR(read(), IoError, "expected the list val.csv");
  io::write_file(folder / "animal_val_ood.csv", "cat/on_tree/3.png,cat,on_tree\n");
  io::write_file(folder / "animal_test_ood.csv", "dog\\in_street\\4.png,dog,in_street\n");
  const OodData data = read();
  ASSERT_EQ(data.train.size(), 1u);
  const ImageDataset& train = data.train[0].images;
  EXPECT_EQ(train.class_names, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(train.labels, (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(train.context_names, (std::vector<std::string>{"on_snow", "running"}));
  EXPECT_EQ(train.contexts, (std::vector<std::int32_t>{1, 0}));
  EXPECT_EQ(train.shape(), (ImageShape{3, 8, 8}));
  EXPECT_EQ(train.image(0)[0], 10);
  EXPECT_EQ(train.image(1)[100], 20);
  EXPECT_TRUE(data.test[0].images.contexts.empty());
  EXPECT_FLOAT_EQ(train.normalization.mean[0], 104.079f / 255);

  io::write_file(folder / "train1.csv", "dog/running/1.png,dog,running\n");
  io::write_file(folder / "train2.csv", "cat/on_snow/2.png,cat,on_snow\n");
  std::filesystem::remove(folder / "animal_train_ood.csv");
  EXPECT_EQ(read().train.size(), 2u);
  const auto expect_bad = [&](const std::string& line, const std::string& words) {
    io::write_file(folder / "animal_val_ood.csv", line);
    EXPECT_ERROR(read(), Error, words);
  };
  expect_bad("cat/on_tree/3.png,cat\n", "expected FILE,CLASS,CONTEXT, got \"cat/on_tree/3.png,cat\" in line 1");
  expect_bad("../3.png,cat,on_tree\n", "expected a file below images");
  expect_bad("/etc/3.png,cat,on_tree\n", "expected a file below images");
  expect_bad("cat/on_tree/9.png,cat,on_tree\n", "9.png, did not find it");
  expect_bad("cat/on_tree/3.png,lion,on_tree\n", "expected classes of the training list, got \"lion\"");
  expect_bad("\n", "at least one image");
  expect_bad("cat/on_tree/9.jpg,cat,on_tree\n", "9.jpg, did not find it, nor a .png file of its name");
  io::write_file(folder / "images/cat/on_tree/5.jpg", "no image");
  expect_bad("cat/on_tree/5.jpg,cat,on_tree\n", "5.jpg] expected a PNG or JPEG file");
  const fs::path photograph = fs::path(ENGRAM_SOURCE_DIR) / "tests/data/jpeg/rgb_progressive.jpg";
  fs::copy_file(photograph, folder / "images/cat/on_tree/6.jpg");
  fs::copy_file(fs::path(photograph).replace_extension(".png"), folder / "images/cat/on_tree/7.png");
  io::write_file(folder / "animal_val_ood.csv", "cat/on_tree/6.jpg,cat,on_tree\ncat/on_tree/7.jpg,cat,on_tree\n");
  const ImageDataset photographs = read().validation[0].images;
  ASSERT_EQ(photographs.count, 2);
  EXPECT_TRUE(std::equal(photographs.image(0), photographs.image(1), photographs.image(1)));
}

TEST(EnvironmentFolders, AreDomainsOfClassFolders) {
  test::TempFolder folder;
  for (const char* domain : {"photo", "sketch"})
    for (const char* name : {"dog", "cat"})
      for (int i = 0; i < 5; ++i)
        write_png(folder.path() / domain / name / (std::to_string(i) + ".png"), 12, 12, std::uint8_t(i));
  fs::remove(folder / "photo/dog/0.png");
  fs::copy_file(fs::path(ENGRAM_SOURCE_DIR) / "tests/data/jpeg/rgb_420.jpg", folder / "photo/dog/0.jpg");
  const OodData data =
      read_ood_data(R"({"name": "domains", "side": 8})", {.folder = folder.path(), .held_out = {"sketch"}});
  EXPECT_EQ(data.train[0].name, "photo");
  EXPECT_EQ(data.train[0].images.class_names, (std::vector<std::string>{"cat", "dog"}));
  EXPECT_EQ(data.train[0].images.count + data.validation[0].images.count, 10);
  EXPECT_EQ(data.test[0].images.count, 10);
  EXPECT_EQ(data.test[0].images.height, 8);
  std::filesystem::remove_all(folder / "photo");
  EXPECT_ERROR(read_ood_data("domains", {.folder = folder.path(), .held_out = {"sketch"}}), IoError, "found 1");
}

}  // namespace
}  // namespace engram
