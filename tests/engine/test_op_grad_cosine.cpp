/// Cosine similarity: values, gradients of order 1 and 2, and the recorded form of order 3 against the fused one.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "kernels/grad_cosine/grad_cosine.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace engram::testing {
namespace {

OpCase cosine_case(const Shape& shape, dim_t rows, const Shape& result, float eps, bool last_axis) {
  return {
      .name = last_axis ? "cosine_similarity" : "grad_cosine",
      .inputs = {shape, shape},
      .op =
          [=](const auto& x) { return last_axis ? cosine_similarity(x[0], x[1], eps) : grad_cosine(x[0], x[1], eps); },
      .reference =
          [=](const auto& x) {
            Array y(result);
            kernels::reference::grad_cosine(x[0].values.data(), x[1].values.data(), rows, numel(shape) / rows, eps,
                                            y.values.data());
            return y;
          }};
}

TEST(GradCosineOps, ValuesAndGradientsOfOrderOneAndTwo) {
  for (const float eps : {1e-8f, 3.f}) {  // norms below 3 are clamped
    check_op(cosine_case({3, 5}, 3, {3}, eps, false));
    check_op(cosine_case({2, 3, 3, 2}, 2, {2}, eps, false));
    check_op(cosine_case({2, 3, 17}, 6, {2, 3}, eps, true));
    check_op(cosine_case({7}, 1, {}, eps, true));
  }
}

TEST(GradCosineOps, RecordedDoubleGradientEqualsTheFusedOne) {
  for (const float eps : {1e-8f, 1.5f}) {
    const auto second = [&](bool create_graph) {
      Tensor a = Tensor::from(std::vector<float>{1, 2, -1, 0.5f, 0.1f, 0.3f}, {2, 3}).set_requires_grad();
      Tensor b = Tensor::from(std::vector<float>{0.3f, -1, 2, 1, 1, -0.2f}, {2, 3}).set_requires_grad();
      const Tensor weights = Tensor::from(std::vector<float>{1, -2, 3, 0.5f, 1, 2}, {2, 3});
      const auto first = grad({sum(square(grad_cosine(a, b, eps)))}, {a, b}, {.create_graph = true});
      const auto out = grad({sum(first[0] * weights + square(first[1]))}, {a, b}, {.create_graph = create_graph});
      if (create_graph) {  // order 3 exists
        const auto third = grad({sum(square(out[0]))}, {a});
        for (float v : third[0].to_vector()) EXPECT_TRUE(std::isfinite(v));
      }
      auto values = out[0].to_vector();
      for (float v : out[1].to_vector()) values.push_back(v);
      return values;
    };
    const auto fused = second(false), recorded = second(true);
    for (std::size_t i = 0; i < fused.size(); ++i) EXPECT_NEAR(fused[i], recorded[i], 1e-5 * (1 + std::abs(fused[i])));
  }
}

TEST(GradCosineOps, ZeroRowsHaveFiniteGradients) {
  Tensor a = Tensor::zeros({1, 4}).set_requires_grad();
  const Tensor cos = grad_cosine(a, Tensor::ones({1, 4}));
  EXPECT_EQ(cos.to_vector()[0], 0);
  for (float g : grad({sum(cos)}, {a})[0].to_vector()) EXPECT_TRUE(std::isfinite(g));
}

TEST(GradCosineOps, RejectsWhatDoesNotFit) {
  EXPECT_ERROR(grad_cosine(Tensor::zeros({2, 3}), Tensor::zeros({3, 2})), ShapeError, "equal shapes");
  EXPECT_ERROR(cosine_similarity(Tensor::zeros({2, 3}), Tensor::zeros({2, 3}), 0), UsageError, "eps");
}

}  // namespace
}  // namespace engram::testing
