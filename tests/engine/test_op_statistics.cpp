/// Extremes, variances and norms over axes: values and gradients of order 1 and 2.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/autograd.h"
#include "tests/support/op_case_helpers.h"

namespace engram::testing {
namespace {

/// y[kept] = f(all x over the reduced axes).
Array folded(const Array& x, const std::vector<int>& axes, bool keepdim,
             const std::function<double(const std::vector<double>&)>& f) {
  std::vector<bool> reduced(x.shape.size(), axes.empty());
  for (int axis : axes) reduced[std::size_t(axis < 0 ? axis + int(x.shape.size()) : axis)] = true;
  Shape kept = x.shape, out;
  for (std::size_t i = 0; i < kept.size(); ++i) {
    if (reduced[i]) kept[i] = 1;
    if (!reduced[i] || keepdim) out.push_back(kept[i]);
  }
  std::vector<std::vector<double>> groups(std::size_t(numel(kept)));
  for_each_index(x.shape, [&](const Shape& index) {
    Shape to = index;
    for (std::size_t i = 0; i < to.size(); ++i)
      if (reduced[i]) to[i] = 0;
    groups[position_of(kept, to)].push_back(x.values[position_of(x.shape, index)]);
  });
  Array y(out);
  for (std::size_t i = 0; i < groups.size(); ++i) y.values[i] = f(groups[i]);
  return y;
}

double variance(const std::vector<double>& v, int correction) {
  double mean = 0, total = 0;
  for (double e : v) mean += e / double(v.size());
  for (double e : v) total += (e - mean) * (e - mean);
  return total / double(int(v.size()) - correction);
}

const std::vector<std::vector<int>> kAxisSets = {{}, {0}, {1}, {2, 3}, {0, 2, 3}, {-1}};

TEST(StatisticsOps, MaxAndMin) {
  for (const auto& axes : kAxisSets)
    for (bool keepdim : {false, true}) {
      const Shape shape = {2, 16, 2, 3};
      check_op(squared_case(
          "max", {shape}, [=](const auto& x) { return max(x[0], axes, keepdim); },
          [=](const auto& x) {
            return folded(x[0], axes, keepdim, [](const auto& v) { return *std::max_element(v.begin(), v.end()); });
          }));
      check_op(squared_case(
          "min", {shape}, [=](const auto& x) { return min(x[0], axes, keepdim); },
          [=](const auto& x) {
            return folded(x[0], axes, keepdim, [](const auto& v) { return *std::min_element(v.begin(), v.end()); });
          }));
    }
}

TEST(StatisticsOps, EqualLargestElementsShareTheGradient) {
  Tensor x = Tensor::from(std::vector<float>{1, 3, 3, 2, 5, 4}, {2, 3}).set_requires_grad();
  const Tensor g = grad({sum(max(x, {1}))}, {x})[0];
  EXPECT_EQ(g.to_vector(), (std::vector<float>{0, 0.5f, 0.5f, 0, 1, 0}));
}

TEST(StatisticsOps, ArgmaxTakesTheFirstOfEquals) {
  const Tensor x = Tensor::from(std::vector<float>{1, 3, 3, 2, 5, 4}, {2, 3});
  EXPECT_EQ(argmax(x).to_int_vector(), (std::vector<std::int32_t>{1, 1}));
  EXPECT_EQ(argmax(x, 0, true).shape(), (Shape{1, 3}));
  EXPECT_EQ(argmax(x, 0).to_int_vector(), (std::vector<std::int32_t>{1, 1, 1}));
  EXPECT_EQ(argmin(x, 1).to_int_vector(), (std::vector<std::int32_t>{0, 0}));
}

TEST(StatisticsOps, ArgmaxOfBlockedChannelsCountsLogically) {
  std::vector<float> values(2 * 32 * 2, 0.f);
  values[(0 * 32 + 21) * 2 + 1] = 1;
  values[(1 * 32 + 15) * 2 + 0] = 1;
  const Tensor y = argmax(Tensor::from(values, {2, 32, 1, 2}).blocked(), 1);
  EXPECT_EQ(y.shape(), (Shape{2, 1, 2}));
  EXPECT_EQ(y.to_int_vector(), (std::vector<std::int32_t>{0, 21, 15, 0}));
}

TEST(StatisticsOps, Variance) {
  for (const auto& axes : kAxisSets)
    for (int correction : {0, 1})
      check_op({.name = "var",
                .inputs = {{2, 16, 2, 3}},
                .op = [=](const auto& x) { return var(x[0], axes, false, correction); },
                .reference =
                    [=](const auto& x) {
                      return folded(x[0], axes, false, [=](const auto& v) { return variance(v, correction); });
                    }});
}

TEST(StatisticsOps, VarianceOfValuesFarFromZero) {
  const Tensor x = Tensor::from(std::vector<float>{4096, 4097, 4098, 4099}, {4});
  EXPECT_EQ(var(x).item(), 1.25f);
}

TEST(StatisticsOps, Norm) {
  for (const auto& axes : kAxisSets)
    check_op({.name = "norm",
              .inputs = {{2, 16, 2, 3}},
              .op = [=](const auto& x) { return norm(x[0], axes, true); },
              .reference =
                  [=](const auto& x) {
                    return folded(x[0], axes, true, [](const auto& v) {
                      double total = 0;
                      for (double e : v) total += e * e;
                      return std::sqrt(total);
                    });
                  },
              .kink = 0.05});
}

TEST(StatisticsOps, GradientOfZeroNormIsZero) {
  Tensor x = Tensor::zeros({2, 3}).set_requires_grad();
  EXPECT_EQ(grad({sum(norm(x, {1}))}, {x})[0].to_vector(), std::vector<float>(6, 0.f));
}

TEST(StatisticsOps, BadArgumentsAreNamed) {
  EXPECT_THROW(max(Tensor::ones({2, 0}), {1}), ShapeError);
  EXPECT_THROW(max(Tensor::ones({2, 3}), {1, -1}), ShapeError);
  EXPECT_THROW(argmax(Tensor::ones({2, 3}), 2), ShapeError);
  EXPECT_THROW(var(Tensor::ones({1}), {}, false, 1), ShapeError);
  EXPECT_THROW(norm(Tensor::from(std::vector<std::int32_t>{1}, {1})), DTypeError);
}

}  // namespace
}  // namespace engram::testing
