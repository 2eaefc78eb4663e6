/// Pooling and upsampling: values and gradients of order 1 and 2, planar and blocked.

#include <gtest/gtest.h>

#include "engine/autograd.h"
#include "engine/ops/adaptive_pool.h"
#include "kernels/pool/pool.h"
#include "kernels/resample/resample.h"
#include "tests/support/op_case_helpers.h"

namespace engram::testing {
namespace {

kernels::WindowGeometry geometry(const Array& x, const Window& w) {
  const dim_t stride = w.stride == 0 ? w.kernel : w.stride;
  return {
      {x.shape[0], x.shape[1], x.shape[2], x.shape[3], 1}, w.kernel, w.kernel, stride, stride, w.padding, w.padding};
}

Array output_of(const kernels::WindowGeometry& g) {
  return Array({g.x.n, g.x.c, g.out_h(), g.out_w()});
}

const std::vector<Window> kWindows = {{2, 0, 0}, {3, 2, 1}, {3, 1, 1}, {1, 1, 0}};

TEST(PoolOps, MaxPool) {
  for (const Window& w : kWindows)
    for (dim_t c : {3, 16})
      check_op(squared_case(
          message("max_pool2d ", w.kernel), {{2, c, 6, 5}}, [=](const auto& x) { return max_pool2d(x[0], w); },
          [=](const auto& x) {
            const auto g = geometry(x[0], w);
            Array y = output_of(g);
            std::vector<std::int32_t> index(y.values.size());
            kernels::reference::max_pool(g, x[0].values.data(), y.values.data(), index.data());
            return y;
          }));
}

TEST(PoolOps, AvgPool) {
  for (const Window& w : kWindows)
    for (bool count_padding : {false, true})
      check_op(squared_case(
          message("avg_pool2d ", w.kernel), {{2, 16, 6, 5}},
          [=](const auto& x) { return avg_pool2d(x[0], w, count_padding); },
          [=](const auto& x) {
            const auto g = geometry(x[0], w);
            Array y = output_of(g);
            kernels::reference::avg_pool(g, count_padding, x[0].values.data(), y.values.data());
            return y;
          }));
}

TEST(PoolOps, GlobalAvgPool) {
  for (dim_t c : {3, 16})
    check_op(squared_case(
        "global_avg_pool", {{3, c, 3, 5}}, [](const auto& x) { return global_avg_pool(x[0]); },
        [=](const auto& x) {
          Array y({3, c});
          for (std::size_t i = 0; i < x[0].values.size(); ++i) y.values[i / 15] += x[0].values[i] / 15;
          return y;
        }));
}

TEST(PoolOps, AdaptiveAvgPool) {
  for (const auto& [out_h, out_w] : {std::pair<dim_t, dim_t>{2, 3}, {4, 5}, {1, 1}, {3, 2}, {6, 6}})
    for (const dim_t c : {3, 16})
      check_op(squared_case(
          message("adaptive_avg_pool2d ", out_h, "x", out_w), {{2, c, 6, 6}},
          [=, h = out_h, w = out_w](const auto& x) { return adaptive_avg_pool2d(x[0], h, w); },
          [=, h = out_h, w = out_w](const auto& x) {
            Array y({2, c, h, w});
            const auto first = [](dim_t o, dim_t out) { return o * 6 / out; };
            const auto last = [](dim_t o, dim_t out) { return ((o + 1) * 6 + out - 1) / out; };
            for (dim_t i = 0; i < 2 * c * h * w; ++i) {
              const dim_t plane = i / (h * w), row = i / w % h, column = i % w;
              double sum = 0;
              for (dim_t r = first(row, h); r < last(row, h); ++r)
                for (dim_t q = first(column, w); q < last(column, w); ++q) sum += x[0].values[plane * 36 + r * 6 + q];
              y.values[i] = sum / double((last(row, h) - first(row, h)) * (last(column, w) - first(column, w)));
            }
            return y;
          }));
}

TEST(PoolOps, UpsampleNearest) {
  for (dim_t factor : {1, 2, 3})
    check_op(squared_case(
        message("upsample_nearest ", factor), {{2, 16, 3, 5}},
        [=](const auto& x) { return upsample_nearest(x[0], factor); },
        [=](const auto& x) {
          Array y({2, 16, 3 * factor, 5 * factor});
          kernels::reference::upsample_nearest({2, 16, 3, 5, 1}, factor, x[0].values.data(), y.values.data());
          return y;
        }));
}

TEST(PoolOps, ResultsKeepTheLayout) {
  const Tensor x = Tensor::ones({2, 16, 4, 4}).blocked();
  EXPECT_EQ(max_pool2d(x, {2}).layout(), Layout::kBlocked);
  EXPECT_EQ(avg_pool2d(x, {2}).layout(), Layout::kBlocked);
  EXPECT_EQ(upsample_nearest(x, 2).layout(), Layout::kBlocked);
}

TEST(PoolOps, ViewsAreAccepted) {
  std::vector<float> values(2 * 3 * 4 * 4);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = float(i);
  const Tensor x = Tensor::from(values, {2, 3, 4, 4});
  EXPECT_EQ(max_pool2d(transpose(x, 2, 3), {2}).to_vector(),
            max_pool2d(transpose(x, 2, 3).contiguous(), {2}).to_vector());
}

TEST(PoolOps, BadArgumentsAreNamed) {
  const Tensor x = Tensor::ones({1, 2, 3, 3});
  EXPECT_THROW(max_pool2d(x, {4}), ShapeError);
  EXPECT_THROW(max_pool2d(x, {2, 2, 2}), UsageError);
  EXPECT_THROW(max_pool2d(x, {0}), UsageError);
  EXPECT_THROW(avg_pool2d(Tensor::ones({2, 3, 3}), {2}), ShapeError);
  EXPECT_THROW(global_avg_pool(Tensor::ones({1, 2, 0, 3})), ShapeError);
  EXPECT_THROW(adaptive_avg_pool2d(x, 4, 1), ShapeError);
  EXPECT_THROW(adaptive_avg_pool2d(x, 0, 1), ShapeError);
  EXPECT_THROW(upsample_nearest(x, 0), UsageError);
  EXPECT_THROW(max_pool2d(Tensor::from(std::vector<std::int32_t>{1}, {1, 1, 1, 1}), {1}), DTypeError);
}

}  // namespace
}  // namespace engram::testing
