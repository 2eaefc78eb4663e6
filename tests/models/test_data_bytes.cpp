/// Operations on bytes against those of Pillow, and the images that are made of them on the host.

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "models/data/augment_draw.h"
#include "models/data/batch_stager.h"
#include "models/data/random_operations.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"

namespace engram {
namespace {

std::vector<std::uint8_t> from_hex(const std::string& text) {
  std::vector<std::uint8_t> bytes;
  for (std::size_t i = 0; i < text.size(); i += 2)
    bytes.push_back(std::uint8_t(std::stoi(text.substr(i, 2), nullptr, 16)));
  return bytes;
}

using Change = std::function<void(ByteImage&, double)>;

const std::map<std::string, Change>& operations() {
  static const std::map<std::string, Change> all = {
      {"stretch_contrast", [](ByteImage& i, double) { stretch_contrast(i); }},
      {"equalize", [](ByteImage& i, double) { equalize(i); }},
      {"posterize", [](ByteImage& i, double v) { posterize(i, int(v)); }},
      {"solarize", solarize},
      {"scale_brightness", scale_brightness},
      {"scale_contrast", scale_contrast},
      {"scale_color", scale_color},
      {"scale_sharpness", scale_sharpness},
      {"rotate", rotate},
      {"shear_x",
       [](ByteImage& i, double v) {
         transform(i, {1, v, 0, 0, 1, 0});
       }},
      {"shear_y",
       [](ByteImage& i, double v) {
         transform(i, {1, 0, 0, v, 1, 0});
       }},
      {"translate_x",
       [](ByteImage& i, double v) {
         transform(i, {1, 0, v, 0, 1, 0});
       }},
      {"translate_y", [](ByteImage& i, double v) {
         transform(i, {1, 0, 0, 0, 1, v});
       }}};
  return all;
}

TEST(ByteImage, OperationsAreThoseOfPillow) {
  const nlohmann::json stored = testing::golden_json("byte_operations.json");
  std::set<std::string> tried;
  for (const auto& entry : stored["cases"]) {
    const std::string name = entry["operation"];
    ByteImage image{from_hex(stored["image"]), 3, stored["height"], stored["width"]};
    operations().at(name)(image, entry["magnitude"]);
    EXPECT_EQ(image.pixels, from_hex(entry["result"])) << name << " " << entry["magnitude"];
    tried.insert(name);
  }
  EXPECT_EQ(tried.size(), operations().size());
}

TEST(ByteImage, ColoursNeedThreeChannels) {
  ByteImage grey{std::vector<std::uint8_t>(6), 1, 2, 3};
  EXPECT_ERROR(scale_color(grey, 0.5), ShapeError, "expected 3 channels, got 1");
  EXPECT_ERROR(scale_contrast(grey, 0.5), ShapeError, "expected 3 channels, got 1");
  SampleRandom random(1, RandomPurpose::kOperations, 0, 0);
  EXPECT_ERROR(apply_random_operations(grey, 1, random), ShapeError, "expected 3 channels, got 1");
}

/// Without operations the square alone: grey, of at most half the width and a pixel.
TEST(RandomOperations, TheSquareIsGreyAndAtMostHalfTheImage) {
  std::set<dim_t> sizes;
  for (dim_t n = 0; n < 200; ++n) {
    ByteImage image{std::vector<std::uint8_t>(3 * 32 * 32, 7), 3, 32, 32};
    SampleRandom random(1, RandomPurpose::kOperations, 0, n);
    apply_random_operations(image, 0, random);
    dim_t changed = 0;
    for (dim_t p = 0; p < 32 * 32; ++p) {
      const std::array<int, 3> color = {image.plane(0)[p], image.plane(1)[p], image.plane(2)[p]};
      if (color == std::array<int, 3>{7, 7, 7}) continue;
      ++changed;
      EXPECT_EQ(color, (std::array<int, 3>{125, 123, 114}));
    }
    EXPECT_LE(changed, 17 * 17);
    sizes.insert(changed);
  }
  EXPECT_GT(sizes.size(), 20u);
  EXPECT_GT(*sizes.rbegin(), 200);
}

ImageDataset slopes(dim_t count) {
  ImageDataset data;
  data.name = "slopes";
  data.count = count;
  data.channels = 3;
  data.height = 9;
  data.width = 8;
  data.num_classes = 4;
  data.class_names = {"a", "b", "c", "d"};
  data.normalization = cifar_normalization();
  for (dim_t i = 0; i < count; ++i) {
    data.labels.push_back(std::int32_t(i % 4));
    for (dim_t p = 0; p < data.image_bytes(); ++p) data.pixels.push_back(std::uint8_t(20 + (i * 31 + p * 3) % 200));
  }
  return data;
}

/// One epoch's batches, images and labels.
struct ByteWalk {
  std::vector<std::vector<float>> images;
  std::vector<std::vector<std::int32_t>> labels;
};

ByteWalk walk_bytes(const DeviceDataset& data, const BatchPlan& plan) {
  BatchStager stager(data, plan);
  ByteWalk out;
  for (dim_t step = 0; step < stager.batches_per_epoch(); ++step) {
    stager.stage(step);
    const LabelledBatch batch = stager.gather();
    out.images.push_back(batch.images.to_vector());
    out.labels.push_back(batch.labels.to_int_vector());
  }
  return out;
}

BatchPlan changing_plan() {
  BatchPlan plan{.batch_size = 4, .shuffle = true, .augment = standard_augmentation(), .seed = 3};
  plan.augment.rotation = 15;
  plan.augment.operations = 2;
  return plan;
}

/// The definition: what draw_bytes makes, as values, with its label; in an incomplete batch too.
TEST(ByteBatches, AreTheDrawnImages) {
  const ImageDataset data = slopes(10);
  const DeviceDataset stored(data, {});
  const BatchPlan plan = changing_plan();
  BatchStager stager(stored, plan);
  const kernels::ImageSetView set = {.images = data.pixels.data(),
                                     .labels = nullptr,
                                     .count = data.count,
                                     .c = data.channels,
                                     .h = data.height,
                                     .w = data.width,
                                     .label_sets = 0,
                                     .reflect = false};
  for (dim_t step = 0; step < 3; ++step) {
    stager.stage(step);
    const LabelledBatch batch = stager.gather();
    const std::vector<float> images = batch.images.to_vector();
    ASSERT_EQ(batch.images.dim(0), step == 2 ? 2 : 4);
    std::size_t at = 0;
    for (dim_t n = 0; n < stager.count(); ++n) {
      const dim_t index = stager.samples()[std::size_t(n)];
      const kernels::ImageSource move = draw_move(plan.augment, plan.seed, 0, index, data.height, data.width, {});
      const ByteImage image = draw_bytes(plan.augment, plan.seed, 0, set, move);
      EXPECT_EQ(batch.labels.to_int_vector()[std::size_t(n)], data.labels[std::size_t(index)]);
      for (std::size_t i = 0; i < image.pixels.size(); ++i) {
        const std::size_t c = i / std::size_t(data.height * data.width);
        ASSERT_EQ(images[at++],
                  float((image.pixels[i] / 255.0 - data.normalization.mean[c]) / data.normalization.std[c]));
      }
    }
  }
}

TEST(ByteBatches, AnotherViewHasTheSameImagesChangedOtherwise) {
  const DeviceDataset data(slopes(8), {});
  BatchPlan plan = changing_plan();
  const ByteWalk first = walk_bytes(data, plan), again = walk_bytes(data, plan);
  plan.view = 1;
  const ByteWalk second = walk_bytes(data, plan);
  EXPECT_EQ(first.images, again.images);
  EXPECT_EQ(first.labels, second.labels);
  EXPECT_NE(first.images, second.images);
  plan.augment = {};  // the same images
  BatchPlan plain = plan;
  plain.view = 0;
  EXPECT_EQ(walk_bytes(data, plan).images, walk_bytes(data, plain).images);
}

TEST(ByteBatches, ARotationOfNothingIsTheMoveAlone) {
  const DeviceDataset data(slopes(8), {});
  BatchPlan plan = changing_plan();
  plan.augment.operations = 0;
  plan.augment.rotation = 1e-9;
  const ByteWalk turned = walk_bytes(data, plan);
  plan.augment.rotation = 0;
  EXPECT_EQ(turned.images, walk_bytes(data, plan).images);
}

TEST(ByteBatches, ColoursChangeAfterwards) {
  const DeviceDataset data(slopes(8), {});
  BatchPlan plan = changing_plan();
  plan.augment.operations = 0;
  plan.augment.rotation = 1e-9;
  plan.augment.color.brightness = 0.5;
  const ByteWalk made = walk_bytes(data, plan);
  plan.augment.rotation = 0;
  const ByteWalk direct = walk_bytes(data, plan);
  for (std::size_t b = 0; b < made.images.size(); ++b)
    for (std::size_t i = 0; i < made.images[b].size(); ++i) ASSERT_NEAR(made.images[b][i], direct.images[b][i], 1e-5);
}

TEST(ByteBatches, WhatMakesNoSenseIsRefused) {
  const auto check = [](double rotation, int operations, dim_t channels, double crop) {
    AugmentOptions options;
    options.rotation = rotation;
    options.operations = operations;
    options.crop.min_area = crop;
    check_augmentation(options, channels, 32, 32);
  };
  EXPECT_ERROR(check(181, 0, 3, 0), UsageError, "a rotation of 0 to 180 degrees, got 181");
  EXPECT_ERROR(check(0, 17, 3, 0), UsageError, "0..16 random operations an image, got 17");
  EXPECT_ERROR(check(0, 1, 1, 0), UsageError, "3 channels for random operations, got 1");
  EXPECT_ERROR(check(1, 0, 3, 0.5), UsageError, "got both");
}

}  // namespace
}  // namespace engram
