/// Batches of network input from stored bytes: values, layout, labels, and arguments that do not fit.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/image_batch.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case_helpers.h"

namespace engram::testing {
namespace {

using Words = std::vector<std::int32_t>;

/// Four images of 3x4x5 whose bytes count up, with two labels each, and the draws of a batch of three.
struct Inputs {
  Inputs() {
    std::vector<std::uint8_t> bytes;
    for (int i = 0; i < 4 * 60; ++i) bytes.push_back(std::uint8_t(i));
    std::vector<float> table;
    for (int c = 0; c < 3; ++c)
      for (int v = 0; v < 256; ++v) table.push_back(float(v) * 0.5f + 100.f * float(c));
    stored = {Tensor::from(bytes, {4, 3, 4, 5}, test_device()),
              Tensor::from(Words{5, 6, 7, 8, 0, 1, 0, 1}, {2, 4}, test_device())};
    values = Tensor::from(table, {3, 256}, test_device());
    draws.sources = Tensor::from(Words{2, 0, 0, 0, /**/ 0, 1, 0, 0, /**/ 3, 0, 0, 1}, {3, 4}, test_device());
  }
  StoredImages stored;
  ImageDraws draws;
  Tensor values;
};

TEST(ImageBatchOps, GatherPicksMovesAndLabels) {
  Inputs in;
  in.draws.holes = Tensor::from(Words{0, 0, 2, 1, /**/ 0, 0, 0, 0, /**/ 3, 4, 4, 5}, {3, 1, 4}, test_device());
  const ImageBatch batch = gather_images(in.stored, in.draws, in.values);
  EXPECT_EQ(batch.labels.to_int_vector(), (Words{7, 5, 8, 0, 0, 1}));
  EXPECT_EQ(batch.images.shape(), (Shape{3, 3, 4, 5}));
  EXPECT_EQ(batch.images.layout(), can_block_channels(test_device(), 3) ? Layout::kBlocked : Layout::kStrided);
  const std::vector<float> y = batch.images.to_vector();
  const auto at = [&](int n, int c, int row, int column) {
    return y[std::size_t(((n * 3 + c) * 4 + row) * 5 + column)];
  };
  const auto value = [](int image, int c, int row, int column) {
    return float(image * 60 + c * 20 + row * 5 + column) * 0.5f + 100.f * float(c);
  };
  for (int c = 0; c < 3; ++c) {
    EXPECT_EQ(at(0, c, 1, 0), 0);  // the hole
    EXPECT_EQ(at(0, c, 1, 1), value(2, c, 1, 1));
    EXPECT_EQ(at(1, c, 0, 2), value(0, c, 1, 2));
    EXPECT_EQ(at(1, c, 3, 2), 100.f * float(c));  // black from outside
    EXPECT_EQ(at(2, c, 2, 0), value(3, c, 2, 4));
    EXPECT_EQ(at(2, c, 3, 4), 0);
  }
  in.draws.reflect = true;
  in.stored.labels = {};
  const ImageBatch reflected = gather_images(in.stored, in.draws, in.values);
  EXPECT_FALSE(reflected.labels.defined());
  EXPECT_EQ(reflected.images.to_vector()[60 + 3 * 5 + 2], value(0, 0, 2, 2));
}

TEST(ImageBatchOps, StyleResamplesToAnySize) {
  const Inputs in;
  // The middle 2x3 of each image, then everything in grey.
  Words styles;
  for (int i = 0; i < 3; ++i) {
    const std::int32_t one = 0x3f800000;  // the bits of 1.f
    for (const std::int32_t word : {1, 1, 2, 3, one, one, one, 0, 0x3210, 0}) styles.push_back(word);
  }
  const Tensor mean = Tensor::zeros({3}, test_device()), deviation = Tensor::ones({3}, test_device());
  const auto run = [&](bool colours, dim_t h, dim_t w) {
    return style_images(in.stored, in.draws, Tensor::from(styles, {3, 10}, test_device()), colours, mean, deviation, h,
                        w);
  };
  const ImageBatch batch = run(false, 2, 3);
  EXPECT_EQ(batch.labels.to_int_vector(), (Words{7, 5, 8, 0, 0, 1}));
  const std::vector<float> y = batch.images.to_vector();
  EXPECT_NEAR(y[0], (2 * 60 + 6) / 255.0, 1e-6);
  EXPECT_NEAR(y[2 * 18], (3 * 60 + 8) / 255.0, 1e-6);  // mirrored
  EXPECT_EQ(run(true, 4, 6).images.shape(), (Shape{3, 3, 4, 6}));
  styles[9] = 1;
  const std::vector<float> grey = run(true, 2, 3).images.to_vector();
  EXPECT_EQ(grey[0], grey[6]);
  EXPECT_EQ(grey[6], grey[12]);
  EXPECT_NE(grey[18], grey[24]);
}

TEST(ImageBatchOps, ArgumentsThatDoNotFitAreRefused) {
  const Inputs good;
  const auto gather = [](const Inputs& in) { return gather_images(in.stored, in.draws, in.values); };
  const auto refuse = [&](auto change, const char* what) {
    Inputs in;
    change(in);
    EXPECT_ERROR(gather(in), ShapeError, what);
  };
  refuse([](Inputs& in) { in.stored.images = {}; }, "expected stored images u8 [N,C,H,W]");
  refuse([](Inputs& in) { in.stored.images = Tensor::zeros({4, 3, 4, 5}, test_device()); }, "stored images u8");
  refuse([](Inputs& in) { in.draws.sources = {}; }, "sources i32");
  refuse([](Inputs& in) { in.draws.sources = Tensor::from(Words(12), {4, 3}, test_device()); }, "sources i32 [4,4]");
  refuse([](Inputs& in) { in.draws.holes = Tensor::from(Words(8), {2, 1, 4}, test_device()); }, "holes i32 [3,1,4]");
  refuse([](Inputs& in) { in.stored.labels = Tensor::from(Words(3), {1, 3}, test_device()); }, "labels i32 [1,4]");
  refuse([](Inputs& in) { in.values = Tensor::zeros({2, 256}, test_device()); }, "values f32 [3,256]");
  Inputs typed;
  typed.draws.sources = Tensor::zeros({3, 4}, test_device());
  EXPECT_ERROR(gather(typed), DTypeError, "sources i32");

  const Tensor three = Tensor::ones({3}, test_device()), styles = Tensor::from(Words(30), {3, 10}, test_device());
  EXPECT_ERROR(style_images(good.stored, good.draws, styles, true, three, three, 0, 4), ShapeError, "at least 1x1");
  EXPECT_ERROR(style_images(good.stored, good.draws, three, true, three, three, 4, 4), ShapeError, "styles i32 [3,10]");
  const StoredImages one_channel = {Tensor::from(std::vector<std::uint8_t>(8), {2, 1, 2, 2}, test_device()), {}};
  const Tensor one = Tensor::ones({1}, test_device());
  EXPECT_ERROR(style_images(one_channel, good.draws, styles, true, one, one, 2, 2), ShapeError, "3 channels");
}

}  // namespace
}  // namespace engram::testing
