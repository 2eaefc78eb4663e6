/// Padding, crops, flips, row selection and dropout: values and gradients of order 1 and 2.

#include <gtest/gtest.h>

#include "engine/autograd.h"
#include "kernels/random/random.h"
#include "tests/support/op_case_helpers.h"

namespace engram::testing {
namespace {

/// y[index] = x[from(index)], or `outside` where `from` leaves x.
Array moved(const Array& x, const Shape& shape, const std::function<Shape(const Shape&)>& from, double outside = 0) {
  Array y(shape);
  for_each_index(shape, [&](const Shape& index) {
    const Shape source = from(index);
    bool inside = true;
    for (std::size_t i = 0; i < source.size(); ++i) inside = inside && source[i] >= 0 && source[i] < x.shape[i];
    y.values[position_of(shape, index)] = inside ? x.values[position_of(x.shape, source)] : outside;
  });
  return y;
}

TEST(SpatialOps, Pad) {
  for (const Frame& f : {Frame{1, 2, 3, 0}, Frame{-1, 0, 2, -2}})
    check_op(squared_case(
        "pad", {{2, 16, 4, 5}}, [=](const auto& x) { return pad(x[0], f, 0.5f); },
        [=](const auto& x) {
          return moved(
              x[0], {2, 16, 4 + f.top + f.bottom, 5 + f.left + f.right},
              [=](const Shape& i) {
                return Shape{i[0], i[1], i[2] - f.top, i[3] - f.left};
              },
              0.5);
        }));
}

TEST(SpatialOps, CropImages) {
  const std::vector<std::int32_t> offsets = {1, -2, 0, 0, -1, 3};
  check_op(squared_case(
      "crop_images", {{3, 16, 4, 5}},
      [=](const auto& x) {
        return crop_images(x[0], Tensor::from(offsets, {3, 2}, test_device()), 3, 6);
      },
      [=](const auto& x) {
        return moved(x[0], {3, 16, 3, 6}, [=](const Shape& i) {
          return Shape{i[0], i[1], i[2] + offsets[2 * i[0]], i[3] + offsets[2 * i[0] + 1]};
        });
      }));
}

TEST(SpatialOps, RandomCropMovesEachImageWithinThePadding) {
  Generator generator(4);
  // A single bright pixel in the middle shows the offset.
  const dim_t images = 200;
  std::vector<float> values(images * 81, 0.f);
  for (dim_t n = 0; n < images; ++n) values[n * 81 + 40] = 1;
  const std::vector<float> y = random_crop(Tensor::from(values, {images, 1, 9, 9}), 2, generator).to_vector();
  int seen[5][5] = {};
  for (dim_t n = 0; n < images; ++n)
    for (int p = 0; p < 81; ++p)
      if (y[n * 81 + p] == 1) {
        ASSERT_LE(std::abs(p / 9 - 4), 2);
        ASSERT_LE(std::abs(p % 9 - 4), 2);
        ++seen[p / 9 - 2][p % 9 - 2];
      }
  for (const auto& row : seen)
    for (int times : row) EXPECT_GT(times, 0);
}

TEST(SpatialOps, FlipAlongAxes) {
  for (const auto& axes : std::vector<std::vector<int>>{{3}, {-2}, {0, 1}, {}})
    check_op(squared_case(
        "flip", {{2, 16, 3, 5}}, [=](const auto& x) { return flip(x[0], axes); },
        [=](const auto& x) {
          return moved(x[0], x[0].shape, [=](const Shape& i) {
            Shape from = i;
            for (int axis : axes) {
              const int a = axis < 0 ? axis + 4 : axis;
              from[a] = x[0].shape[a] - 1 - i[a];
            }
            return from;
          });
        }));
}

TEST(SpatialOps, FlipImages) {
  const std::vector<std::uint8_t> flags = {0, 1, 1};
  check_op(squared_case(
      "flip_images", {{3, 16, 2, 5}},
      [=](const auto& x) { return flip_images(x[0], Tensor::from(flags, {3}, test_device())); },
      [=](const auto& x) {
        return moved(x[0], x[0].shape, [=](const Shape& i) {
          return Shape{i[0], i[1], i[2], flags[i[0]] ? 4 - i[3] : i[3]};
        });
      }));
}

TEST(SpatialOps, IndexSelect) {
  const std::vector<std::int32_t> index = {2, 0, 2, 1, 2};
  for (int axis : {0, 2, -1})
    check_op(squared_case(
        message("index_select ", axis), {{3, 16, 3, 3}},
        [=](const auto& x) { return index_select(x[0], axis, Tensor::from(index, {5}, test_device())); },
        [=](const auto& x) {
          const int a = axis < 0 ? axis + 4 : axis;
          Shape shape = x[0].shape;
          shape[a] = 5;
          return moved(x[0], shape, [=](const Shape& i) {
            Shape from = i;
            from[a] = index[i[a]];
            return from;
          });
        }));
}

TEST(SpatialOps, IndexAdd) {
  const std::vector<std::int32_t> index = {4, 0, 4};
  check_op(squared_case(
      "index_add", {{2, 3, 5}},
      [=](const auto& x) { return index_add(x[0], 1, Tensor::from(index, {3}, test_device()), 6); },
      [=](const auto& x) {
        Array y({2, 6, 5});
        for (dim_t n = 0; n < 2; ++n)
          for (dim_t i = 0; i < 3; ++i)
            for (dim_t j = 0; j < 5; ++j) y.at({n, index[i], j}) += x[0].at({n, i, j});
        return y;
      }));
}

TEST(SpatialOps, IndexSelectTakesBytes) {
  const Tensor x = Tensor::from(std::vector<std::uint8_t>{1, 2, 3, 4, 5, 6}, {3, 2});
  const Tensor y = index_select(x, 0, Tensor::from(std::vector<std::int32_t>{2, 0}, {2}));
  EXPECT_EQ(y.dtype(), DType::kU8);
  EXPECT_EQ(y.to_vector(), (std::vector<float>{5, 6, 1, 2}));
}

TEST(SpatialOps, DropoutScalesWhatItKeeps) {
  check_op(squared_case(
      "dropout", {{2, 16, 3, 5}},
      [](const auto& x) {
        Generator generator(8);
        return dropout(x[0], 0.25, generator);
      },
      [](const auto& x) {
        Array y = x[0];
        for (std::size_t i = 0; i < y.values.size(); ++i)
          y.values[i] *= kernels::reference::uniform({8, 0}, dim_t(i), 0, 1) < 0.75 ? 1 / 0.75 : 0;
        return y;
      }));
}

TEST(SpatialOps, BadArgumentsAreNamed) {
  const Tensor x = Tensor::ones({2, 3, 4, 4});
  Generator generator(1);
  EXPECT_THROW(pad(x, {-3, -2, 0, 0}), ShapeError);
  EXPECT_THROW(crop_images(x, Tensor::from(std::vector<std::int32_t>{0, 0}, {1, 2}), 2, 2), ShapeError);
  EXPECT_THROW(flip(x, {1, 1}), ShapeError);
  EXPECT_THROW(flip_images(x, Tensor::from(std::vector<std::uint8_t>{1}, {1})), ShapeError);
  EXPECT_THROW(index_select(x, 0, Tensor::from(std::vector<std::int32_t>{0, 2}, {2})), UsageError);
  EXPECT_THROW(index_select(x, 0, Tensor::from(std::vector<std::int32_t>{-1}, {1})), UsageError);
  EXPECT_THROW(index_select(x, 0, Tensor::ones({2})), ShapeError);
  EXPECT_THROW(dropout(x, 1, generator), UsageError);
  EXPECT_THROW(random_crop(x, -1, generator), UsageError);
}

}  // namespace
}  // namespace engram::testing
