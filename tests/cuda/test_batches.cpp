/// Batches on the emulated device: the CPU's bits, and new draws in captured work.

#include "engine/captured_work.h"
#include "models/data/batch_stager.h"
#include "tests/cuda/emulated.h"

namespace engram {
namespace {

using Batches = testing::Emulated;

ImageDataset small_set() {
  ImageDataset data;
  data.name = "small";
  data.split = "train";
  data.channels = 3;
  data.height = data.width = 12;
  data.count = 10;
  data.num_classes = 2;
  data.class_names = {"a", "b"};
  data.normalization = cifar_normalization();
  for (dim_t i = 0; i < data.count; ++i) {
    data.labels.push_back(std::int32_t(i % 2));
    for (dim_t p = 0; p < data.image_bytes(); ++p) data.pixels.push_back(std::uint8_t(i * 37 + p * 11));
  }
  return data;
}

BatchPlan plan(bool style) {
  BatchPlan plan;
  plan.batch_size = 4;
  plan.shuffle = true;
  plan.seed = 3;
  plan.augment = standard_augmentation();
  plan.augment.cutout = 5;
  plan.augment.cutout_count = 2;
  if (style) {
    plan.augment.padding = 0;
    plan.augment.crop.min_area = 0.3;
    plan.augment.color = {0.3, 0.3, 0.3, 0.1};
    plan.augment.grey_probability = 0.2;
  }
  return plan;
}

TEST_F(Batches, HaveTheBitsOfTheCpu) {
  const ImageDataset data = small_set();
  const DeviceDataset on_cpu(data, {}), on_device(data, parse_device("emu"));
  BatchStager expected(on_cpu, plan(false)), stager(on_device, plan(false));
  for (dim_t step = 0; step < 6; ++step) {  // two epochs, with an incomplete batch at the end of each
    expected.stage(step);
    stager.stage(step);
    EXPECT_EQ(stager.gather().images.to_vector(), expected.gather().images.to_vector()) << step;
    EXPECT_EQ(stager.gather().labels.to_int_vector(), expected.gather().labels.to_int_vector()) << step;
  }
}

TEST_F(Batches, StylesAreNearThoseOfTheCpu) {
  const ImageDataset data = small_set();
  const DeviceDataset on_cpu(data, {}), on_device(data, parse_device("emu"));
  BatchStager expected(on_cpu, plan(true)), stager(on_device, plan(true));
  for (dim_t step = 0; step < 3; ++step) {
    expected.stage(step);
    stager.stage(step);
    const auto x = expected.gather().images.to_vector(), y = stager.gather().images.to_vector();
    ASSERT_EQ(x.size(), y.size());
    for (std::size_t i = 0; i < x.size(); ++i) ASSERT_NEAR(x[i], y[i], 5e-5);
  }
}

TEST_F(Batches, CapturedWorkGathersWhatIsStaged) {
  const DeviceDataset data(small_set(), parse_device("emu"));
  BatchPlan plan = engram::plan(false);
  plan.drop_last = true;
  BatchStager stager(data, plan), issued(data, plan);
  CapturedWork work(data.device());
  LabelledBatch batch;
  for (dim_t step = 0; step < 6; ++step) {
    stager.stage(step);
    work.run([&] { batch = stager.gather(); });
    issued.stage(step);
    EXPECT_EQ(batch.images.to_vector(), issued.gather().images.to_vector()) << step;
    EXPECT_EQ(batch.labels.to_int_vector(), issued.gather().labels.to_int_vector()) << step;
  }
  EXPECT_GT(work.num_nodes(), 0u);
}

}  // namespace
}  // namespace engram
