/// The contrastive loss at special values and in place, and equal samples. The rest: kernel_cases/noise_contrast.cpp.

#include <gtest/gtest.h>

#include <cmath>

#include "kernels/noise_contrast/noise_contrast.h"
#include "tests/support/backend_under_test.h"
#include "tests/support/kernel_testing.h"

namespace engram::kernels {
namespace {

using testing::poisoned;

struct ContrastOutcome {
  float loss, z;
  std::vector<float> derivative;
};

/// Two rows of five scores, each with three choices.
ContrastOutcome contrast(std::vector<float> scores, const std::vector<std::int32_t>& chosen, float z, bool in_place) {
  const auto& kernels = backend_under_test().noise_contrast;
  std::vector<double> workspace(kernels.loss_workspace_bytes(2, 2, 5) / sizeof(double) + 1);
  ContrastOutcome out = {NAN, NAN, poisoned(10)};
  kernels.loss({}, {.scores = scores.data(),
                    .chosen = chosen.data(),
                    .z_in = &z,
                    .rows = 2,
                    .negatives = 2,
                    .images = 5,
                    .loss = &out.loss,
                    .z_out = &out.z,
                    .derivative = in_place ? scores.data() : out.derivative.data(),
                    .workspace = workspace.data()});
  if (in_place) out.derivative = scores;
  return out;
}

TEST(NoiseContrast, TheDerivativeMayTakeTheScoresPlace) {
  const std::vector<float> scores = {0.1f, -2, 3, 0.5f, 1, 0, 0.7f, -1, 2, -3};
  const std::vector<std::int32_t> chosen = {2, 0, 0, 4, 1, 3};
  for (const float z : {0.f, 7.f}) {
    const ContrastOutcome apart = contrast(scores, chosen, z, false), in_place = contrast(scores, chosen, z, true);
    EXPECT_EQ(apart.loss, in_place.loss);
    EXPECT_EQ(apart.z, in_place.z);
    EXPECT_EQ(apart.derivative, in_place.derivative);
  }
}

TEST(NoiseContrast, LargeScoresAreTheirOwnLogarithms) {
  // z = 2.5, m = 0.4: q = exp(score). Row 0: log(1 + q) = log q for 100; row 1 is at rest.
  const ContrastOutcome got = contrast({0, 100, 0, 0, 0, 0, 0, 0, 0, 0}, {0, 1, 1, 0, 2, 3}, 2.5f, false);
  EXPECT_FLOAT_EQ(got.loss, float((200 + 4 * std::log(2 + 2.5e-7)) / 2));
  EXPECT_FLOAT_EQ(got.derivative[1], 1);
  EXPECT_FLOAT_EQ(got.derivative[0], -0.25f);
}

TEST(NoiseContrast, NaNOfAChosenScoreStays) {
  const ContrastOutcome got = contrast({NAN, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {1, 0, 2, 0, 2, 3}, 2.5f, false);
  EXPECT_TRUE(std::isnan(got.loss));
  EXPECT_TRUE(std::isnan(got.derivative[0]));
  const ContrastOutcome other = contrast({NAN, 0, 0, 0, 0, 0, 0, 0, 0, 0}, {1, 3, 2, 0, 2, 3}, 2.5f, false);
  EXPECT_FALSE(std::isnan(other.loss));
  EXPECT_EQ(other.derivative[0], 0);
}

TEST(NoiseContrast, OfEqualSamplesTheLastMovesTheRow) {
  std::vector<float> bank = {3, 0, 1, 0};
  const std::vector<float> embeddings = {9, 9, 0, 1, 5, 4};
  const std::vector<std::int32_t> samples = {0, 1, 0};
  backend_under_test().noise_contrast.mix({}, {bank.data(), embeddings.data(), samples.data(), 3, 2, 2, 0.5f});
  const float length = std::sqrt(20.f), half = std::sqrt(0.5f);
  for (std::size_t i = 0; i < 4; ++i)
    EXPECT_FLOAT_EQ(bank[i], (std::vector<float>{4 / length, 2 / length, half, half})[i]);
}

}  // namespace
}  // namespace engram::kernels
