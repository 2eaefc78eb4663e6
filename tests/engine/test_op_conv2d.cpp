/// Convolution and matrix product operations: values and gradients of order 1 and 2.

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/autograd.h"
#include "engine/ops/conv2d.h"
#include "engine/ops/linear_relu.h"
#include "engine/ops/matmul.h"
#include "engine/random.h"
#include "kernels/conv2d/conv2d.h"
#include "tests/support/op_case.h"

namespace engram::testing {
namespace {

kernels::Conv2dShape planar_shape(const Array& x, const Array& w, const Conv2dOptions& o) {
  return {.n = x.shape[0],
          .ic = x.shape[1],
          .ih = x.shape[2],
          .iw = x.shape[3],
          .oc = w.shape[0],
          .kh = w.shape[2],
          .kw = w.shape[3],
          .stride_h = o.stride,
          .stride_w = o.stride,
          .pad_h = o.padding,
          .pad_w = o.padding,
          .groups = o.groups};
}

/// `winograd`: all passes run as our own kernels. Else the library computes the gradient to the weights, whose last
/// bits depend on the number of threads; those of the result and of the gradient to x never do.
void check_conv(const Shape& x, const Shape& w, const Conv2dOptions& options, double tolerance = 2e-5,
                bool winograd = false) {
  OpCase test_case = {
      .name = message("conv2d ", to_string(x), to_string(w), " stride ", options.stride, " groups ", options.groups),
      .inputs = {x, w, {w[0]}},
      .op = [=](const auto& in) { return conv2d(in[0], in[1], in[2], options); },
      .reference =
          [=](const auto& in) {
            const auto s = planar_shape(in[0], in[1], options);
            Array y({s.n, s.oc, s.oh(), s.ow()});
            kernels::reference::conv2d_fprop(s, in[0].values.data(), in[1].values.data(), in[2].values.data(),
                                             y.values.data());
            return y;
          },
      .low = -1,
      .high = 1,
      .tolerance = tolerance,
      .thread_tolerance = winograd ? 0 : 1e-5};
  check_op(test_case);
  test_case.name += ", weight constant";
  test_case.differentiable = {true, false, true};
  test_case.thread_tolerance = 0;
  check_op(test_case);
}

TEST(Conv2dOp, PlanarAndBlockedShapes) {
  check_conv({2, 3, 5, 4}, {5, 3, 3, 3}, {.padding = 1});
  check_conv({2, 4, 5, 5}, {6, 2, 3, 3}, {.stride = 2, .padding = 1, .groups = 2});
  check_conv({1, 3, 4, 4}, {16, 3, 1, 1}, {});
  check_conv({2, 16, 4, 4}, {3, 16, 3, 3}, {.padding = 1});
  check_conv({2, 16, 5, 5}, {32, 16, 1, 1}, {.stride = 2});
}

TEST(Conv2dOp, DepthwiseShapes) {
  const auto check = [](const Shape& x, dim_t kernel, Conv2dOptions options) {
    options.groups = x[1];
    check_conv(x, {x[1], 1, kernel, kernel}, options, 2e-5, true);
  };
  check({2, 16, 5, 4}, 3, {.padding = 1});
  check({2, 3, 5, 6}, 3, {.stride = 2, .padding = 1});
  check({1, 16, 6, 5}, 2, {.stride = 3});
  check({3, 2, 4, 4}, 5, {.padding = 2});
  // Padding that is not below the window is left to the library.
  check_conv({1, 4, 4, 4}, {4, 1, 1, 1}, {.padding = 1, .groups = 4});
}

TEST(Conv2dOp, DepthwiseInferenceAddsAndRectifies) {
  const Tensor x = Tensor::ones({1, 16, 2, 2}), w = Tensor::full({16, 1, 1, 1}, -3.f),
               r = Tensor::full({1, 16, 2, 2}, 10.f), b = Tensor::full({16}, -8.f);
  EXPECT_EQ(conv2d_inference(x, w, {}, r, false, {.groups = 16}).to_vector(), std::vector<float>(64, 7.f));
  EXPECT_EQ(conv2d_inference(x, w, b, r, true, {.groups = 16}).to_vector(), std::vector<float>(64, 0.f));
  EXPECT_EQ(conv2d_inference(x, w, Tensor::full({16}, 5.f), {}, true, {.groups = 16}).to_vector(),
            std::vector<float>(64, 2.f));
}

TEST(Conv2dOp, WinogradShape) {
  // The transforms of cuDNN were seen to lose 6e-5 here.
  const double tolerance = test_device().type == DeviceType::kCuda ? 5e-5 : 2e-5;
  check_conv({1, 32, 4, 4}, {32, 32, 3, 3}, {.padding = 1}, tolerance, true);
}

TEST(Conv2dOp, InferenceAddsAndRectifies) {
  const Tensor x = Tensor::ones({1, 16, 2, 2}), w = Tensor::full({16, 16, 1, 1}, -1.f),
               r = Tensor::full({1, 16, 2, 2}, 10.f);
  EXPECT_EQ(conv2d_inference(x, w, {}, r, true).to_vector(), std::vector<float>(64, 0.f));
  EXPECT_EQ(conv2d_inference(x, w, Tensor::full({16}, 9.f), r, true).to_vector(), std::vector<float>(64, 3.f));
}

TEST(Conv2dOp, ShapesThatDoNotFitAreNamed) {
  EXPECT_THROW(conv2d(Tensor::ones({1, 3, 4, 4}), Tensor::ones({8, 4, 3, 3})), ShapeError);
  EXPECT_THROW(conv2d(Tensor::ones({1, 3, 2, 2}), Tensor::ones({8, 3, 3, 3})), ShapeError);
  EXPECT_THROW(conv2d(Tensor::ones({1, 3, 4, 4}), Tensor::ones({8, 3, 3, 3}), Tensor::ones({7})), ShapeError);
}

TEST(Conv2dOp, AChangedWeightIsPackedAnew) {
  const Tensor x = Tensor::ones({1, 32, 4, 4}), w = Tensor::ones({32, 32, 3, 3});
  const float before = conv2d(x, w, {}, {.padding = 1}).to_vector()[5];
  add_in_place(w, w.clone());
  EXPECT_NEAR(conv2d(x, w, {}, {.padding = 1}).to_vector()[5], 2 * before, 1e-3);
}

Array matrix_product(const Array& a, const Array& b, bool ta, bool tb) {
  const dim_t m = a.shape[ta ? 1 : 0], k = a.shape[ta ? 0 : 1], n = b.shape[tb ? 0 : 1];
  Array c({m, n});
  for (dim_t i = 0; i < m; ++i)
    for (dim_t j = 0; j < n; ++j)
      for (dim_t p = 0; p < k; ++p)
        c.at({i, j}) += (ta ? a.at({p, i}) : a.at({i, p})) * (tb ? b.at({j, p}) : b.at({p, j}));
  return c;
}

TEST(MatmulOp, EveryTranspose) {
  for (bool ta : {false, true})
    for (bool tb : {false, true})
      check_op({.name = message("matmul ", ta, tb),
                .inputs = {ta ? Shape{5, 3} : Shape{3, 5}, tb ? Shape{7, 5} : Shape{5, 7}},
                .op = [=](const auto& x) { return matmul(x[0], x[1], ta, tb); },
                .reference = [=](const auto& x) { return matrix_product(x[0], x[1], ta, tb); },
                .thread_tolerance = 1e-5});
}

TEST(MatmulOp, LinearWithBias) {
  check_op({.name = "linear",
            .inputs = {{3, 5}, {7, 5}, {7}},
            .op = [](const auto& x) { return linear(x[0], x[1], x[2]); },
            .reference =
                [](const auto& x) {
                  Array y = matrix_product(x[0], x[1], false, true);
                  for (dim_t i = 0; i < 3; ++i)
                    for (dim_t j = 0; j < 7; ++j) y.at({i, j}) += x[2].values[j];
                  return y;
                },
            .thread_tolerance = 1e-5});
}

Array linear_relu_reference(const std::vector<Array>& x) {
  Array y = matrix_product(x[0], x[1], false, true);
  for (dim_t i = 0; i < y.shape[0]; ++i)
    for (dim_t j = 0; j < y.shape[1]; ++j) y.at({i, j}) = std::max(0.0, y.at({i, j}) + x[2].values[std::size_t(j)]);
  return y;
}

TEST(MatmulOp, LinearWithRelu) {
  // All inputs are positive but the biases, which keep some sums below zero by more than a difference step.
  check_op({.name = "linear_relu",
            .inputs = {{3, 5}, {7, 5}, {7}},
            .op =
                [](const auto& x) {
                  const Tensor shift = Tensor::from(std::vector<float>{-9, 1, -9, 1, -9, 1, 1}, {7});
                  return linear_relu(x[0], x[1], x[2] + shift.to(x[0].device()));
                },
            .reference =
                [](const auto& x) {
                  std::vector<Array> shifted = x;
                  for (const std::size_t j : {0, 2, 4}) shifted[2].values[j] -= 9;
                  for (const std::size_t j : {1, 3, 5, 6}) shifted[2].values[j] += 1;
                  return linear_relu_reference(shifted);
                },
            .low = 0.5,
            .high = 1,
            .thread_tolerance = 1e-5});
}

TEST(MatmulOp, LinearWithReluInBlocksOfRowsIsTheSame) {
  // So wide that 600 rows are three blocks on the CPU, the last of them short. The rows begin inside a larger matrix.
  const Device device = test_device();
  const dim_t rows = 600, in = 3, out = 2100;
  const auto uniform = [&](const Shape& shape, std::uint64_t stream) {
    Generator generator = Generator(7).split(stream);
    return normal(shape, generator, 0, 1, device);
  };
  const std::vector<Tensor> leaves = {uniform({rows + 5, in}, 0), uniform({out, in}, 1), uniform({out}, 2)};
  for (Tensor leaf : leaves) leaf.set_requires_grad();
  const Tensor weights = uniform({rows, out}, 3);
  const auto x = [&] { return slice(leaves[0], 0, 2, rows + 2); };
  const Tensor fused = linear_relu(x(), leaves[1], leaves[2]), plain = relu(linear(x(), leaves[1], leaves[2]));
  const auto deviation = [](const Tensor& a, const Tensor& b) { return max(abs(a - b)).item() / max(abs(b)).item(); };
  EXPECT_LE(deviation(fused.detach(), plain.detach()), 1e-6);
  const auto of_fused = grad({sum(fused * weights)}, leaves), of_plain = grad({sum(plain * weights)}, leaves);
  for (std::size_t i = 0; i < leaves.size(); ++i) EXPECT_LE(deviation(of_fused[i], of_plain[i]), 2e-6) << i;
}

TEST(MatmulOp, LinearWithReluOfNoRows) {
  EXPECT_EQ(linear_relu(Tensor::ones({0, 3}), Tensor::ones({2, 3}), Tensor::ones({2})).shape(), (Shape{0, 2}));
}

TEST(MatmulOp, BatchesAreIndependent) {
  check_op({.name = "batched_matmul",
            .inputs = {{2, 3, 5}, {2, 5, 4}},
            .op = [](const auto& x) { return batched_matmul(x[0], x[1]); },
            .reference =
                [](const auto& x) {
                  Array y({2, 3, 4});
                  for (dim_t s = 0; s < 2; ++s)
                    for (dim_t i = 0; i < 3; ++i)
                      for (dim_t j = 0; j < 4; ++j)
                        for (dim_t p = 0; p < 5; ++p) y.at({s, i, j}) += x[0].at({s, i, p}) * x[1].at({s, p, j});
                  return y;
                },
            .thread_tolerance = 1e-5});
  EXPECT_THROW(matmul(Tensor::ones({2, 3}), Tensor::ones({2, 3})), ShapeError);
}

}  // namespace
}  // namespace engram::testing
