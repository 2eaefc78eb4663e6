/// Noise-contrastive estimation: loss and gradient of the embeddings, draws of negatives.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops/noise_contrast.h"
#include "kernels/noise_contrast/noise_contrast.h"
#include "tests/support/expect_error.h"
#include "tests/support/op_case.h"

namespace engram::testing {
namespace {

namespace reference = kernels::reference;

constexpr double kTau = 0.5;

struct Problem {
  dim_t rows, width, images, negatives;

  std::vector<float> bank() const {
    std::vector<float> values;
    for (dim_t i = 0; i < images * width; ++i) values.push_back(float(std::sin(double(i))));
    return values;
  }
  /// Images that repeat, and the sample's own among the others.
  std::vector<std::int32_t> chosen() const {
    std::vector<std::int32_t> numbers;
    for (dim_t i = 0; i < rows * (1 + negatives); ++i) numbers.push_back(std::int32_t(i * i % images));
    return numbers;
  }
  /// Of embeddings [rows, width]; `z` becomes what was used.
  double loss(const std::vector<double>& embeddings, double& z) const {
    const std::vector<float> rows_of_bank = bank();
    std::vector<double> scores(std::size_t(rows * images), 0);
    for (dim_t r = 0; r < rows; ++r)
      for (dim_t j = 0; j < images; ++j)
        for (dim_t i = 0; i < width; ++i)
          scores[std::size_t(r * images + j)] +=
              embeddings[std::size_t(r * width + i)] * rows_of_bank[std::size_t(j * width + i)] / kTau;
    return reference::contrast_loss(rows, negatives, images, scores.data(), chosen().data(), z, &z, nullptr);
  }
  NoiseContrast contrast(const Tensor& embeddings, float z) const {
    return noise_contrast(embeddings, Tensor::from(bank(), {images, width}, test_device()),
                          Tensor::from(chosen(), {rows, 1 + negatives}, test_device()),
                          Tensor::from(std::vector<float>{z}, {1}, test_device()), kTau);
  }
};

const Problem kProblems[] = {{1, 1, 2, 1}, {3, 5, 7, 4}, {4, 16, 40, 33}};

TEST(NoiseContrast, LossAndGradients) {
  for (const Problem& p : kProblems)
    check_op({.name = "noise_contrast",
              .inputs = {{p.rows, p.width}},
              .op = [&](const auto& x) { return p.contrast(x[0], 30).loss; },
              .reference =
                  [&](const auto& x) {
                    double z = 30;
                    return Array({}, p.loss(x[0].values, z));
                  },
              .low = -1,
              .high = 1,
              .thread_tolerance = 1e-6});
}

TEST(NoiseContrast, TheFirstBatchSetsTheConstant) {
  for (const Problem& p : kProblems) {
    std::vector<float> values;
    for (dim_t i = 0; i < p.rows * p.width; ++i) values.push_back(0.3f * float(i % 5) - 0.5f);
    Tensor x = Tensor::from(values, {p.rows, p.width}, test_device()).set_requires_grad();
    double z = 0;
    const double loss = p.loss({values.begin(), values.end()}, z);
    const NoiseContrast first = p.contrast(x, 0);
    EXPECT_NEAR(first.z.to_vector()[0], z, 1e-5 * z);
    EXPECT_NEAR(first.loss.item(), loss, 1e-5 * (1 + std::abs(loss)));
    // The constant is none of the derivative's: a batch that finds it set has the same.
    const NoiseContrast later = p.contrast(x, first.z.to_vector()[0]);
    for (const bool create_graph : {false, true}) {
      const auto a = grad({p.contrast(x, 0).loss}, {x}, {.create_graph = create_graph})[0].to_vector();
      const auto b = grad({p.contrast(x, first.z.to_vector()[0]).loss}, {x}, {.create_graph = create_graph})[0];
      EXPECT_EQ(a, b.to_vector());
    }
    EXPECT_EQ(later.z.to_vector(), first.z.to_vector());
  }
}

TEST(NoiseContrast, DrawsLieOutsideTheOwnClass) {
  // Classes 0: images 4, 1; 1: 0; 2: 5, 2, 3.
  const auto numbers = [](std::vector<std::int32_t> v) { return Tensor::from(v, {dim_t(v.size())}, test_device()); };
  const ImagesByClass images = {numbers({4, 1, 0, 5, 2, 3}), numbers({0, 2, 3}), numbers({2, 1, 3})};
  const Tensor uniform =
      Tensor::from(std::vector<float>{0, 0.99f, 0.4f, 0, 0.99f, 0.41f, 0, 0.5f, 0.99f}, {3, 3}, test_device());
  const Tensor chosen = draw_contrasts(uniform, numbers({1, 0, 3}), numbers({0, 1, 2}), images);
  EXPECT_EQ(chosen.shape(), (Shape{3, 4}));
  EXPECT_EQ(chosen.to_int_vector(), (std::vector<std::int32_t>{1, 0, 3, 5, 0, 4, 3, 5, 3, 4, 1, 0}));
}

TEST(NoiseContrast, RejectsWhatDoesNotFit) {
  const Tensor x = Tensor::zeros({2, 3}), bank = Tensor::zeros({4, 3}), z = Tensor::zeros({1});
  const Tensor chosen = Tensor::from(std::vector<std::int32_t>(6, 0), {2, 3}),
               samples = Tensor::from(std::vector<std::int32_t>{0, 1}, {2});
  EXPECT_ERROR(noise_contrast(x, Tensor::zeros({4, 2}), chosen, z, 1), ShapeError, "a bank [images,w]");
  EXPECT_ERROR(noise_contrast(x, bank, Tensor::zeros({2, 3}), z, 1), DTypeError, "expected i32");
  EXPECT_ERROR(noise_contrast(x, bank, chosen, z, 0), UsageError, "tau above 0");
  EXPECT_ERROR(mix_into_bank(Tensor::zeros({4, 2}), x, samples, 0.5f), ShapeError, "embeddings [n,w]");
  EXPECT_ERROR(draw_contrasts(x, samples, Tensor::from(std::vector<std::int32_t>{0}, {1}), {samples, samples, samples}),
               ShapeError, "labels [n]");
}

}  // namespace
}  // namespace engram::testing
