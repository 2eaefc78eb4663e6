/// Residuals and losses of heads, cosines of their gradients, shifted features: values and gradients of order 1 and 2.

#include <gtest/gtest.h>

#include "engine/autograd.h"
#include "engine/ops/residual_cosine.h"
#include "kernels/residual_cosine/residual_cosine.h"
#include "tests/support/op_case.h"

namespace engram::testing {
namespace {

/// One-hot rows, as values.
template <class T>
std::vector<T> one_hot_rows(dim_t rows, dim_t classes) {
  std::vector<T> t(std::size_t(rows * classes), T(0));
  for (dim_t r = 0; r < rows; ++r) t[std::size_t(r * classes + (r + 1) % classes)] = T(1);
  return t;
}

Tensor targets_of(const Tensor& logits) {
  return Tensor::from(one_hot_rows<float>(logits.dim(0), logits.dim(1)), logits.shape(), logits.device());
}

Array residual_of(const Array& logits, bool twice, Array* losses = nullptr) {
  const dim_t rows = logits.shape[0], classes = logits.shape[1];
  Array residual(logits.shape), of_rows({rows});
  kernels::reference::head_residual(logits.values.data(), one_hot_rows<double>(rows, classes).data(), rows, classes,
                                    twice, residual.values.data(), of_rows.values.data());
  if (losses) *losses = of_rows;
  return residual;
}

TEST(ResidualCosineOp, LossesOfAHead) {
  for (const bool twice : {false, true})
    check_op({.name = twice ? "head_residual twice" : "head_residual",
              .inputs = {{4, 5}},
              .op = [=](const auto& x) { return head_residual(x[0], targets_of(x[0]), twice).losses; },
              .reference =
                  [=](const auto& x) {
                    Array losses;
                    residual_of(x[0], twice, &losses);
                    return losses;
                  }});
}

/// Inputs: logits of both heads, the maps from the features to them.
Tensor cosine_of(const std::vector<Tensor>& x) {
  const auto side = [](const Tensor& logits) {
    const Tensor targets = targets_of(logits);
    return ResidualSide{logits, targets, head_residual(logits, targets).residual};
  };
  const HeadGrams grams = {matmul(x[2], x[2], false, true), matmul(x[3], x[3], false, true),
                           matmul(x[2], x[3], false, true)};
  return residual_cosine(side(x[0]), side(x[1]), grams, 0.1f).cosine;
}

TEST(ResidualCosineOp, CosineOfGradients) {
  check_op({.name = "residual_cosine",
            .inputs = {{4, 3}, {4, 2}, {3, 6}, {2, 6}},
            .op = cosine_of,
            .reference =
                [](const auto& x) {
                  const Array r1 = residual_of(x[0], false), r2 = residual_of(x[1], false);
                  Array cos({4}), norm1({4}), norm2({4});
                  kernels::reference::residual_cosine(r1.values.data(), r2.values.data(), x[2].values.data(),
                                                      x[3].values.data(), 4, 3, 2, 6, double(0.1f), cos.values.data(),
                                                      norm1.values.data(), norm2.values.data());
                  return cos;
                },
            .thread_tolerance = 1e-5});
}

TEST(ResidualCosineOp, ShiftedFeaturesPassGradientsOn) {
  const std::vector<float> residual = {0.5f, -0.5f, 0.2f, -0.2f, -1, 1}, weight = {1, -2, 0.5f, 0, 0.3f, 1, 1, -1},
                           alpha = {0.3f, 0.9f, 0};
  check_op({.name = "shifted_concat",
            .inputs = {{3, 4}, {3, 4}},
            .op =
                [=](const auto& x) {
                  const Device device = x[0].device();
                  return shifted_concat(x[0], x[1], Tensor::from(residual, {3, 2}, device),
                                        Tensor::from(weight, {2, 4}, device), Tensor::from(alpha, {3, 1}, device), 2,
                                        0.01f);
                },
            .reference =
                [=](const auto& x) {
                  const std::vector<double> r(residual.begin(), residual.end()), w(weight.begin(), weight.end()),
                      a(alpha.begin(), alpha.end());
                  Array out({3, 8});
                  kernels::reference::shifted_concat(x[0].values.data(), x[1].values.data(), r.data(), w.data(),
                                                     a.data(), 3, 2, 4, 2, double(0.01f), out.values.data());
                  return out;
                }});
}

TEST(ResidualCosineOp, WithoutHistoryNothingBelowAHeadLearnsFromTheAngle) {
  std::vector<Tensor> x = {Tensor::from(std::vector<float>{1, 2, 0.5f}, {1, 3}), Tensor::ones({1, 2}),
                           Tensor::from(std::vector<float>{1, 0, 2, 1, -1, 1}, {3, 2}),
                           Tensor::from(std::vector<float>{0.5f, 1, -1, 2}, {2, 2})};
  for (Tensor& t : x) t.set_requires_grad();
  const auto gradients = grad({sum(cosine_of({x[0].detach(), x[1], x[2], x[3]}))}, x, {.allow_unused = true});
  EXPECT_FALSE(gradients[0].defined());
  for (std::size_t i = 1; i < x.size(); ++i) EXPECT_TRUE(gradients[i].defined()) << i;
}

TEST(ResidualCosineOp, BadArgumentsAreNamed) {
  const Tensor two = Tensor::ones({2, 3});
  EXPECT_THROW(head_residual(two, Tensor::ones({2, 2})), ShapeError);
  EXPECT_THROW(head_residual(Tensor::ones({0, 3}), Tensor::ones({0, 3})), ShapeError);
  const Tensor gram = Tensor::ones({3, 3});
  EXPECT_THROW(residual_cosine({two, two, two}, {two, two, two}, {gram, gram, Tensor::ones({3, 2})}, 0), ShapeError);
  EXPECT_THROW(shifted_concat(two, two, two, Tensor::ones({3, 2}), Tensor::ones({1}), 1, 0), ShapeError);
  EXPECT_THROW(shifted_concat(two, two, two, gram, Tensor::ones({3, 1}), 1, 0), ShapeError);
}

}  // namespace
}  // namespace engram::testing
