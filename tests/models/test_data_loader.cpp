/// The loader hands out the same batches whatever the prefetching, and goes on exactly from any position.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "kernels/common/error.h"
#include "models/data/loader.h"
#include "models/data/prefetcher.h"
#include "tests/support/expect_error.h"

namespace engram {
namespace {

ImageDataset made_up(dim_t count) {
  ImageDataset data;
  data.name = "made-up";
  data.split = "train";
  data.count = count;
  data.channels = 3;
  data.height = data.width = 8;
  data.num_classes = 4;
  data.class_names = {"a", "b", "c", "d"};
  data.normalization = cifar_normalization();
  for (dim_t i = 0; i < count; ++i) {
    data.labels.push_back(static_cast<std::int32_t>(i % 4));
    for (dim_t p = 0; p < data.image_bytes(); ++p) data.pixels.push_back(static_cast<std::uint8_t>(i * 7 + p * 13));
  }
  return data;
}

LoaderOptions training_options() {
  LoaderOptions options;
  options.batch_size = 6;
  options.shuffle = true;
  options.augment = standard_augmentation();
  options.augment.cutout = 3;
  options.seed = 11;
  options.epochs = 3;
  return options;
}

std::vector<Batch> all_batches(const ImageDataset& data, const LoaderOptions& options, LoaderPosition start = {}) {
  DataLoader loader(data, options, start);
  std::vector<Batch> out;
  Batch batch;
  while (loader.next(batch)) out.push_back(batch);
  EXPECT_FALSE(loader.next(batch)) << "the end stays the end";
  return out;
}

void expect_same(const std::vector<Batch>& a, const std::vector<Batch>& b, std::size_t skip = 0) {
  ASSERT_EQ(a.size(), b.size() + skip);
  for (std::size_t i = 0; i < b.size(); ++i) {
    EXPECT_EQ(a[i + skip].images, b[i].images);
    EXPECT_EQ(a[i + skip].labels, b[i].labels);
    EXPECT_EQ(a[i + skip].samples, b[i].samples);
    EXPECT_EQ(a[i + skip].position.epoch, b[i].position.epoch);
    EXPECT_EQ(a[i + skip].position.batch, b[i].position.batch);
    EXPECT_EQ(a[i + skip].last_of_epoch, b[i].last_of_epoch);
  }
}

TEST(DataLoader, EachEpochVisitsEverySampleOnceInAnOrderOfItsOwn) {
  const ImageDataset data = made_up(20);
  const auto batches = all_batches(data, training_options());
  ASSERT_EQ(batches.size(), 12u);
  std::vector<std::vector<dim_t>> orders(3);
  for (const Batch& batch : batches) {
    auto& order = orders[batch.position.epoch];
    order.insert(order.end(), batch.samples.begin(), batch.samples.end());
    EXPECT_EQ(batch.count, batch.last_of_epoch ? 2 : 6);
    EXPECT_EQ(static_cast<dim_t>(batch.images.size()), batch.count * data.image_bytes());
    for (dim_t i = 0; i < batch.count; ++i) EXPECT_EQ(batch.labels[i], data.labels[batch.samples[i]]);
  }
  EXPECT_NE(orders[0], orders[1]);
  EXPECT_NE(orders[1], orders[2]);
  for (auto& order : orders) {
    std::sort(order.begin(), order.end());
    for (dim_t i = 0; i < 20; ++i) EXPECT_EQ(order[i], i);
  }
}

TEST(DataLoader, PrefetchDepthChangesNothing) {
  const ImageDataset data = made_up(20);
  LoaderOptions options = training_options();
  options.prefetch = 0;
  const auto plain = all_batches(data, options);
  for (int depth : {1, 2, 7}) {
    options.prefetch = depth;
    expect_same(plain, all_batches(data, options));
  }
}

TEST(DataLoader, AnImageDoesNotDependOnBatchSizeOrOrder) {
  const ImageDataset data = made_up(20);
  LoaderOptions options = training_options();
  options.epochs = 1;
  const auto shuffled = all_batches(data, options);
  options.shuffle = false;
  options.batch_size = 20;
  const auto ordered = all_batches(data, options);
  ASSERT_EQ(ordered.size(), 1u);
  for (const Batch& batch : shuffled) {
    for (dim_t i = 0; i < batch.count; ++i) {
      const dim_t n = data.image_bytes();
      EXPECT_TRUE(std::equal(batch.images.begin() + i * n, batch.images.begin() + (i + 1) * n,
                             ordered[0].images.begin() + batch.samples[i] * n));
    }
  }
}

TEST(DataLoader, ResumesExactlyFromEveryPosition) {
  const ImageDataset data = made_up(20);
  for (bool drop_last : {false, true}) {
    LoaderOptions options = training_options();
    options.drop_last = drop_last;
    const auto whole = all_batches(data, options);
    DataLoader loader(data, options);
    Batch batch;
    for (std::size_t done = 0; done < whole.size(); ++done) {
      expect_same(whole, all_batches(data, options, loader.position()), done);
      ASSERT_TRUE(loader.next(batch));
    }
    EXPECT_EQ(loader.position().epoch, 3);
    EXPECT_EQ(loader.position().batch, 0);
  }
}

TEST(DataLoader, DropLastLeavesOutTheIncompleteBatch) {
  const ImageDataset data = made_up(20);
  LoaderOptions options = training_options();
  options.drop_last = true;
  EXPECT_EQ(DataLoader(data, options).batches_per_epoch(), 3);
  for (const Batch& batch : all_batches(data, options)) EXPECT_EQ(batch.count, 6);
}

TEST(DataLoader, WithoutAnEndItGoesOnAndStopsCleanly) {
  const ImageDataset data = made_up(20);
  LoaderOptions options = training_options();
  options.epochs = 0;
  Batch batch;
  {
    DataLoader loader(data, options);
    for (int i = 0; i < 50; ++i) ASSERT_TRUE(loader.next(batch));
    EXPECT_EQ(batch.position.epoch, 12);
  }
  for (int i = 0; i < 50; ++i) DataLoader unused(data, options);
}

TEST(DataLoader, OptionsThatMakeNoSenseAreRefused) {
  const ImageDataset data = made_up(5);
  LoaderOptions options;
  options.batch_size = 0;
  EXPECT_ERROR(DataLoader(data, options), UsageError, "batch size of at least 1, got 0");
  options.batch_size = -3;
  EXPECT_ERROR(DataLoader(data, options), UsageError, "got -3");
  options.batch_size = 6;
  options.drop_last = true;
  EXPECT_ERROR(DataLoader(data, options), UsageError, "at least one batch");
  options.drop_last = false;
  options.prefetch = -1;
  EXPECT_ERROR(DataLoader(data, options), UsageError, "prefetch");
  options.prefetch = 1;
  EXPECT_ERROR(DataLoader(data, options, {0, 1}), UsageError, "batch 1");
  options.augment.padding = 8;
  EXPECT_ERROR(DataLoader(data, options), UsageError, "padding");
  ImageDataset broken = made_up(5);
  broken.labels[3] = 4;
  EXPECT_ERROR(DataLoader(broken, LoaderOptions{}), DataError, "got 4 for image 3");
}

TEST(Prefetcher, ErrorsArriveInTheirPlace) {
  for (int depth : {0, 1, 3}) {
    int made = 0;
    Prefetcher<int> queue(
        [&made](int& item) {
          if (made == 4) throw DataError("the fifth is broken");
          item = made++;
          return true;
        },
        depth);
    int item = -1;
    for (int i = 0; i < 4; ++i) {
      ASSERT_TRUE(queue.next(item));
      EXPECT_EQ(item, i);
    }
    EXPECT_ERROR(queue.next(item), DataError, "the fifth is broken");
    EXPECT_ERROR(queue.next(item), DataError, "the fifth is broken");
  }
}

TEST(Prefetcher, IsBoundedAndStopsWithAFullQueue) {
  std::atomic<int> made{0};
  {
    Prefetcher<int> queue(
        [&made](int& item) {
          item = made++;
          return true;
        },
        3);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_LE(made.load(), 3);
    int item = -1;
    ASSERT_TRUE(queue.next(item));
    EXPECT_EQ(item, 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    EXPECT_LE(made.load(), 4);
  }
  const int at_end = made.load();
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
  EXPECT_EQ(made.load(), at_end);
}

}  // namespace
}  // namespace engram
