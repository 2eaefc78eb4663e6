/// Inversion of a small classifier: seeds, labels, losses that fall, bytes of images, option checks.

#include <gtest/gtest.h>

#include <set>

#include "engine/ops.h"
#include "models/methods/inversion/inversion.h"
#include "models/methods/inversion/synthetic_images.h"
#include "models/nets/make_network.h"
#include "models/training/checkpoint.h"
#include "models/training/step_runner.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

InversionOptions small(const std::string& method) {
  InversionOptions options;
  options.method = method;
  options.batch_size = 4;
  options.weights = published_weights(method, 10);
  return options;
}

class InversionTest : public ::testing::TestWithParam<std::string> {
 protected:
  std::unique_ptr<Network> classifier_ = make_network("resnet20", 10, {.seed = 5, .device = {}});
  std::unique_ptr<Inversion> start(dim_t batch, std::uint64_t seed = 1) {
    return start_inversion(*classifier_, small(GetParam()), seed, batch);
  }
};

TEST_P(InversionTest, TheLossFalls) {
  const auto batch = start(0);
  StepRunner runner(*batch);
  const auto loss_of = [&](dim_t step) {
    runner.run(step);
    return batch->meters().read(step).at(0).value;
  };
  const double first = loss_of(0);
  double last = first;
  for (dim_t step = 1; step < 13; ++step) last = loss_of(step);
  EXPECT_LT(last, 0.9 * first);
}

TEST_P(InversionTest, EqualSeedsGiveEqualBitsAndBatchesDiffer) {
  const auto run = [&](dim_t batch, std::uint64_t seed) {
    const auto inversion = start(batch, seed);
    StepRunner runner(*inversion);
    for (dim_t step = 0; step < 2; ++step) runner.run(step);
    return inversion->result().to_vector();
  };
  const auto images = run(0, 1);
  EXPECT_EQ(run(0, 1), images);
  EXPECT_NE(run(1, 1), images);
  EXPECT_NE(run(0, 2), images);
}

TEST_P(InversionTest, TheClassifierIsLeftAsItWas) {
  const auto before = classifier_->state().at("bn1.running_mean").to_vector();
  const auto batch = start(0);
  StepRunner(*batch).run(0);
  EXPECT_EQ(classifier_->state().at("bn1.running_mean").to_vector(), before);
  for (const Tensor& parameter : classifier_->parameters()) EXPECT_FALSE(parameter.grad().defined());
}

TEST_P(InversionTest, AnInterruptedBatchGoesOnWithTheSameBits) {
  const test::TempFolder folder;
  const auto whole = start(0), first = start(0), second = start(0);
  StepRunner whole_runner(*whole), first_runner(*first), second_runner(*second);
  for (dim_t step = 0; step < 4; ++step) whole_runner.run(step);
  for (dim_t step = 0; step < 2; ++step) first_runner.run(step);
  save_checkpoint(folder / "batch", *first, 2, "");
  EXPECT_EQ(load_checkpoint(folder / "batch", *second, "", 4), 2);
  for (dim_t step = 2; step < 4; ++step) second_runner.run(step);
  EXPECT_EQ(second->result().to_vector(), whole->result().to_vector());
  EXPECT_EQ(second->current_images().to_vector(), whole->current_images().to_vector());
}

INSTANTIATE_TEST_SUITE_P(Methods, InversionTest, ::testing::Values("natural-inversion", "deep-inversion"),
                         [](const auto& info) { return info.param == "deep-inversion" ? "Deep" : "Natural"; });

TEST(InversionSettings, LabelsAreWholeRoundsAndThenDistinctClasses) {
  const auto labels = balanced_labels(256, 10, 3);
  ASSERT_EQ(labels.size(), 256u);
  for (int i = 0; i < 250; ++i) EXPECT_EQ(labels[i], i % 10);
  const std::set<int> rest(labels.begin() + 250, labels.end());
  EXPECT_EQ(rest.size(), 6u);
  EXPECT_EQ(balanced_labels(256, 100, 3)[150], 50);
}

TEST(InversionSettings, PublishedWeights) {
  EXPECT_EQ(published_weights("natural-inversion", 10).bn, 10.f);
  EXPECT_EQ(published_weights("natural-inversion", 100).bn, 3.f);
  EXPECT_EQ(published_weights("deep-inversion", 10).tv, 2.5e-5f);
  EXPECT_THROW(published_weights("deep-dream", 10), UsageError);
}

TEST(InversionSettings, SenselessOptionsAreRefused) {
  const auto classifier = make_network("resnet20", 10);
  InversionOptions options;
  options.batch_size = 0;
  EXPECT_THROW(start_inversion(*classifier, options, 1, 0), UsageError);
  options = {};
  options.weights.bn = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(start_inversion(*classifier, options, 1, 0), UsageError);
  options = {};
  options.method = "other";
  EXPECT_THROW(start_inversion(*classifier, options, 1, 0), UsageError);
}

TEST(SyntheticImages, PerImageScalingStretchesAndAConstantImageIsBlack) {
  const Tensor x = Tensor::from(std::vector<float>{-1, 0, 1, 7, 7, 7}, {2, 3, 1, 1});
  const auto bytes = to_pixels(x, PixelScaling::kPerImage, {});
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{0, 127, 255, 0, 0, 0}));
}

TEST(SyntheticImages, DenormalizedScalingUndoesTheNormalisation) {
  const Tensor x = Tensor::from(std::vector<float>{0, 1, -9}, {1, 3, 1, 1});
  const auto bytes = to_pixels(x, PixelScaling::kDenormalized, {{0.5f, 0.25f, 0.5f}, {0.25f, 0.25f, 0.25f}});
  EXPECT_EQ(bytes, (std::vector<std::uint8_t>{128, 128, 0}));
}

}  // namespace
}  // namespace engram
