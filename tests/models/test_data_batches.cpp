/// Batches that are gathered from bytes on the device: their definition pixel by pixel, their stored bits, and walks.

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/io/crc32c.h"
#include "engine/io/tensor_bytes.h"
#include "kernels/common/error.h"
#include "models/data/augment_draw.h"
#include "models/data/batch_stager.h"
#include "tests/support/expect_error.h"

namespace engram {
namespace {

ImageDataset made_up(dim_t count, dim_t channels = 3) {
  ImageDataset data;
  data.name = "made-up";
  data.split = "train";
  data.count = count;
  data.channels = channels;
  data.height = 8;
  data.width = 11;
  data.num_classes = 4;
  data.class_names = {"a", "b", "c", "d"};
  data.normalization = cifar_normalization();
  data.normalization.mean.resize(std::size_t(channels));
  data.normalization.std.resize(std::size_t(channels));
  for (dim_t i = 0; i < count; ++i) {
    data.labels.push_back(static_cast<std::int32_t>(i % 4));
    for (dim_t p = 0; p < data.image_bytes(); ++p) data.pixels.push_back(static_cast<std::uint8_t>(i * 7 + p * 13));
  }
  return data;
}

BatchPlan training_plan() {
  BatchPlan plan;
  plan.batch_size = 6;
  plan.shuffle = true;
  plan.augment = standard_augmentation();
  plan.augment.cutout = 3;
  plan.seed = 11;
  return plan;
}

/// The value at c, y, x of a sample, from the definitions of AugmentOptions.
float expected(const ImageDataset& data, const BatchPlan& plan, dim_t epoch, dim_t sample, dim_t c, dim_t y, dim_t x) {
  std::vector<kernels::ImageHole> holes(std::size_t(num_holes(plan.augment)));
  const dim_t h = data.height, w = data.width;
  const kernels::ImageSource move = draw_move(plan.augment, plan.seed, epoch, sample, h, w, holes);
  for (const kernels::ImageHole& hole : holes)
    if (y >= hole.top && y < hole.bottom && x >= hole.left && x < hole.right) return 0;
  dim_t from_y = y + move.dy, from_x = (move.flip ? w - 1 - x : x) + move.dx;
  if (plan.augment.pad_mode == PadMode::kReflect) {
    from_y = from_y < 0 ? -from_y : from_y >= h ? 2 * h - 2 - from_y : from_y;
    from_x = from_x < 0 ? -from_x : from_x >= w ? 2 * w - 2 - from_x : from_x;
  }
  const bool inside = from_y >= 0 && from_y < h && from_x >= 0 && from_x < w;
  const int byte = inside ? data.image(sample)[(c * h + from_y) * w + from_x] : 0;
  return float((byte / 255.0 - data.normalization.mean[std::size_t(c)]) / data.normalization.std[std::size_t(c)]);
}

TEST(BatchStager, EveryValueMeetsTheDefinition) {
  const ImageDataset data = made_up(20);
  const DeviceDataset on_device(data, {});
  for (const PadMode mode : {PadMode::kZero, PadMode::kReflect})
    for (const int holes : {1, 3}) {
      BatchPlan plan = training_plan();
      plan.augment.pad_mode = mode;
      plan.augment.cutout_count = holes;
      BatchStager stager(on_device, plan);
      for (dim_t step = 0; step < 8; ++step) {
        stager.stage(step);
        const std::vector<float> images = stager.gather().images.to_vector();
        std::size_t at = 0;
        for (dim_t i = 0; i < stager.count(); ++i)
          for (dim_t c = 0; c < 3; ++c)
            for (dim_t y = 0; y < data.height; ++y)
              for (dim_t x = 0; x < data.width; ++x)
                ASSERT_EQ(images[at++], expected(data, plan, step / 4, stager.samples()[std::size_t(i)], c, y, x));
      }
    }
}

/// Trainings are continued and repeated over versions, so the draws and the bits of a batch never change. The stored
/// sum is that of the loader that made float batches on the host.
TEST(BatchStager, BitsAreTheStoredOnes) {
  const DeviceDataset on_device(made_up(20), {});
  BatchStager stager(on_device, training_plan());
  std::uint32_t sum = 0;
  for (dim_t step = 0; step < 8; ++step) {
    stager.stage(step);
    const std::vector<float> images = stager.gather().images.to_vector();
    sum ^= io::crc32c(io::bytes_of(std::span<const float>(images))) + std::uint32_t(step);
  }
  EXPECT_EQ(sum, 1381724668u);
}

/// Samples, images and labels of the batches from `first` on.
struct Walk {
  std::vector<std::vector<dim_t>> samples;
  std::vector<std::vector<float>> images;
  std::vector<std::vector<std::int32_t>> labels;
};

Walk walk(const DeviceDataset& data, const BatchPlan& plan, dim_t first, dim_t steps) {
  BatchStager stager(data, plan);
  Walk out;
  for (dim_t step = first; step < steps; ++step) {
    stager.stage(step);
    const LabelledBatch batch = stager.gather();
    out.samples.push_back(stager.samples());
    out.images.push_back(batch.images.to_vector());
    out.labels.push_back(batch.labels.to_int_vector());
  }
  return out;
}

TEST(BatchStager, EachEpochVisitsEverySampleOnceInAnOrderOfItsOwn) {
  const ImageDataset data = made_up(20);
  const Walk all = walk(DeviceDataset(data, {}), training_plan(), 0, 12);
  std::vector<std::vector<dim_t>> orders(3);
  for (std::size_t step = 0; step < 12; ++step) {
    EXPECT_EQ(all.samples[step].size(), step % 4 == 3 ? 2u : 6u);
    for (std::size_t i = 0; i < all.samples[step].size(); ++i)
      EXPECT_EQ(all.labels[step][i], data.labels[std::size_t(all.samples[step][i])]);
    orders[step / 4].insert(orders[step / 4].end(), all.samples[step].begin(), all.samples[step].end());
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_NE(orders[1], orders[2]);
  for (auto& order : orders) {
    std::sort(order.begin(), order.end());
    for (dim_t i = 0; i < 20; ++i) EXPECT_EQ(order[std::size_t(i)], i);
  }
}

TEST(BatchStager, GoesOnExactlyFromEveryStep) {
  const DeviceDataset data(made_up(20), {});
  for (const bool drop_last : {false, true}) {
    BatchPlan plan = training_plan();
    plan.drop_last = drop_last;
    const Walk whole = walk(data, plan, 0, 9);
    for (dim_t first = 1; first < 9; ++first) {
      const Walk rest = walk(data, plan, first, 9);
      EXPECT_TRUE(std::equal(rest.images.begin(), rest.images.end(), whole.images.begin() + first)) << first;
    }
  }
}

TEST(BatchStager, AnImageDoesNotDependOnBatchSizeOrOrder) {
  const ImageDataset data = made_up(20);
  const DeviceDataset on_device(data, {});
  BatchPlan plan = training_plan();
  const Walk shuffled = walk(on_device, plan, 0, 4);
  plan.shuffle = false;
  plan.batch_size = 20;
  const std::vector<float> ordered = walk(on_device, plan, 0, 1).images[0];
  const dim_t n = data.image_bytes();
  for (std::size_t step = 0; step < 4; ++step)
    for (std::size_t i = 0; i < shuffled.samples[step].size(); ++i) {
      const auto image = shuffled.images[step].begin() + dim_t(i) * n;
      EXPECT_TRUE(std::equal(image, image + n, ordered.begin() + shuffled.samples[step][i] * n));
    }
}

TEST(BatchStager, WithoutAugmentationItOnlyNormalizes) {
  const ImageDataset data = made_up(3, 1);
  const Normalization other = {{0.25f}, {0.5f}};
  const DeviceDataset own(data, {}), with_other(data, {}, other);
  BatchPlan plan;
  plan.batch_size = 3;
  EXPECT_EQ(walk(own, plan, 0, 1).images[0][5],
            float((data.pixels[5] / 255.0 - data.normalization.mean[0]) / data.normalization.std[0]));
  EXPECT_EQ(walk(with_other, plan, 0, 1).images[0][5], float((data.pixels[5] / 255.0 - 0.25) / 0.5));
}

TEST(BatchStager, PlansThatMakeNoSenseAreRefused) {
  const DeviceDataset data(made_up(5), {});
  BatchPlan plan;
  plan.batch_size = 0;
  EXPECT_ERROR(BatchStager(data, plan), UsageError, "batch size of at least 1, got 0");
  plan.batch_size = 6;
  plan.drop_last = true;
  EXPECT_ERROR(BatchStager(data, plan), UsageError, "at least one batch");
  plan.drop_last = false;
  BatchStager stager(data, plan);
  EXPECT_ERROR(stager.stage({0, 1}), UsageError, "batch 0..0, got epoch 0, batch 1");
  EXPECT_ERROR(stager.stage({-1, 0}), UsageError, "got epoch -1");
  plan.augment.padding = 8;
  EXPECT_ERROR(BatchStager(data, plan), UsageError, "padding");
  ImageDataset broken = made_up(5);
  broken.labels[3] = 4;
  EXPECT_ERROR(DeviceDataset(broken, {}), DataError, "got 4 for image 3");
  EXPECT_ERROR(DeviceDataset(made_up(5), {}, {{0.5f}, {0.5f}}), DataError, "for 3 channels, got 1 and 1");
}

}  // namespace
}  // namespace engram
