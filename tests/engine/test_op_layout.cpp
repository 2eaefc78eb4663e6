/// Views, copies between layouts, concatenation and sums: values and gradients of order 1 and 2.

#include <gtest/gtest.h>

#include "engine/autograd.h"
#include "tests/support/op_case.h"

namespace engram::testing {
namespace {

/// y[i] = x[f(i)] for a row-major walk over `shape`; f maps coordinates to coordinates of x.
Array gathered(const Array& x, const Shape& shape, const std::function<Shape(const Shape&)>& f) {
  Array y(shape);
  Shape coordinates(shape.size(), 0);
  for (dim_t flat = 0; flat < numel(shape); ++flat) {
    dim_t rest = flat;
    for (int i = int(shape.size()) - 1; i >= 0; --i) {
      coordinates[i] = rest % shape[i];
      rest /= shape[i];
    }
    const Shape from = f(coordinates);
    dim_t position = 0;
    for (std::size_t i = 0; i < from.size(); ++i) position = position * x.shape[i] + from[i];
    y.values[flat] = x.values[position];
  }
  return y;
}

/// Squares the result so that second derivatives are not all zero.
OpCase squared(std::string name, std::vector<Shape> inputs, std::function<Tensor(const std::vector<Tensor>&)> op,
               std::function<Array(const std::vector<Array>&)> reference) {
  return {.name = std::move(name),
          .inputs = std::move(inputs),
          .op = [op](const auto& x) { return square(op(x)); },
          .reference = [reference](const auto& x) { return map(reference(x), [](double v) { return v * v; }); }};
}

TEST(LayoutOps, ReshapeKeepsLogicalOrder) {
  check_op(squared(
      "reshape", {{2, 16, 3, 5}},
      [](const auto& x) {
        return reshape(x[0], {3, -1, 4});
      },
      [](const auto& x) {
        Array y = x[0];
        y.shape = {3, 40, 4};
        return y;
      }));
}

TEST(LayoutOps, Permute) {
  check_op(squared(
      "permute", {{2, 16, 3, 5}},
      [](const auto& x) {
        return permute(x[0], {2, 0, 3, 1});
      },
      [](const auto& x) {
        return gathered(x[0], {3, 2, 5, 16}, [](const Shape& c) { return Shape{c[1], c[3], c[0], c[2]}; });
      }));
}

TEST(LayoutOps, Expand) {
  check_op(squared(
      "expand", {{3, 1, 2}},
      [](const auto& x) {
        return expand(x[0], {2, 3, 4, 2});
      },
      [](const auto& x) {
        return gathered(x[0], {2, 3, 4, 2}, [](const Shape& c) { return Shape{c[1], 0, c[3]}; });
      }));
}

TEST(LayoutOps, SliceWithStep) {
  check_op(squared(
      "slice", {{2, 16, 5, 3}}, [](const auto& x) { return slice(x[0], -2, 1, 5, 2); },
      [](const auto& x) {
        return gathered(x[0], {2, 16, 2, 3}, [](const Shape& c) { return Shape{c[0], c[1], 1 + 2 * c[2], c[3]}; });
      }));
}

TEST(LayoutOps, ConcatAlongEachAxis) {
  for (int axis : {0, 1, 2, 3}) {
    Shape a = {2, 16, 3, 2}, b = a, joined = a;
    b[axis] = axis == 1 ? 32 : 4;
    joined[axis] = a[axis] + b[axis];
    check_op(squared(
        message("concat ", axis), {a, b},
        [axis](const auto& x) {
          return concat({x[0], x[1]}, axis);
        },
        [=](const auto& x) {
          Array y(joined);
          dim_t outer = 1, inner = 1;
          for (int i = 0; i < axis; ++i) outer *= a[i];
          for (int i = axis + 1; i < 4; ++i) inner *= a[i];
          auto out = y.values.begin();
          for (dim_t o = 0; o < outer; ++o)
            for (const Array& part : x)
              out = std::copy_n(part.values.begin() + o * part.shape[axis] * inner, part.shape[axis] * inner, out);
          return y;
        }));
  }
}

TEST(LayoutOps, SumAndMeanOverAxes) {
  const std::vector<std::vector<int>> axis_sets = {{}, {0}, {1}, {2, 3}, {0, 2, 3}, {-1}};
  for (const auto& axes : axis_sets)
    for (bool keepdim : {false, true}) {
      std::vector<bool> reduced(4, axes.empty());
      for (int axis : axes) reduced[(axis + 4) % 4] = true;
      const Shape shape = {3, 16, 2, 5};
      Shape kept = shape, out;
      double count = 1;
      for (int i = 0; i < 4; ++i) {
        if (reduced[i]) {
          kept[i] = 1;
          count *= double(shape[i]);
        }
        if (!reduced[i] || keepdim) out.push_back(kept[i]);
      }
      const auto reference = [=](const Array& x, double scale) {
        Array y(out);
        for (dim_t n = 0; n < 3; ++n)
          for (dim_t c = 0; c < 16; ++c)
            for (dim_t h = 0; h < 2; ++h)
              for (dim_t w = 0; w < 5; ++w) {
                const dim_t position =
                    (((reduced[0] ? 0 : n) * kept[1] + (reduced[1] ? 0 : c)) * kept[2] + (reduced[2] ? 0 : h)) *
                        kept[3] +
                    (reduced[3] ? 0 : w);
                y.values[position] += scale * x.at({n, c, h, w});
              }
        return y;
      };
      check_op(squared(
          "sum", {shape}, [=](const auto& x) { return sum(x[0], axes, keepdim); },
          [=](const auto& x) { return reference(x[0], 1); }));
      check_op(squared(
          "mean", {shape}, [=](const auto& x) { return mean(x[0], axes, keepdim); },
          [=](const auto& x) { return reference(x[0], 1 / count); }));
    }
}

TEST(LayoutOps, BlockedAndPlanarHoldTheSameValues) {
  std::vector<float> values(2 * 32 * 3 * 5);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = float(i);
  const Tensor x = Tensor::from(values, {2, 32, 3, 5});
  const Tensor blocked = x.blocked();
  EXPECT_EQ(blocked.layout(), Layout::kBlocked);
  EXPECT_EQ(blocked.to_vector(), values);
  // Element [n,c,h,w] sits at [n, c/16, h, w, c%16].
  EXPECT_EQ(blocked.data<float>()[(((1 * 2 + 1) * 3 + 2) * 5 + 4) * 16 + 7], float(((1 * 32 + 23) * 3 + 2) * 5 + 4));
}

TEST(LayoutOps, BadArgumentsAreNamed) {
  const Tensor x = Tensor::ones({2, 3});
  EXPECT_THROW(reshape(x, {4, 2}), ShapeError);
  EXPECT_THROW(reshape(x, {-1, -1}), ShapeError);
  EXPECT_THROW(permute(x, {0, 0}), ShapeError);
  EXPECT_THROW(slice(x, 0, 1, 3), ShapeError);
  EXPECT_THROW(concat({x, Tensor::ones({2, 4})}, 0), ShapeError);
  EXPECT_THROW(sum(x, {2}), ShapeError);
  EXPECT_THROW(Tensor::empty({1, 3, 2, 2}, DType::kF32, {}, Layout::kBlocked), ShapeError);
  EXPECT_THROW(Tensor().shape(), UsageError);
}

}  // namespace
}  // namespace engram::testing
