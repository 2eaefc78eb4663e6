/// Where networks look: relevance is conserved, Grad-CAM is what the classifier's weights say, attacks move maps within
/// their bounds, disturbed weights come back.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/metrics/attention_attack.h"
#include "models/methods/metrics/flatness.h"
#include "models/methods/metrics/grad_cam.h"
#include "models/methods/metrics/relevance.h"
#include "models/nets/make_network.h"
#include "tests/support/bright_images.h"
#include "tests/support/expect_error.h"
#include "tests/support/named_formula.h"

namespace engram {
namespace {

using testing::formula_between;

/// A network with statistics and weights as trained ones have, in evaluation mode.
std::unique_ptr<Network> formula_network(const std::string& arch, int classes = 4) {
  auto network = make_network(arch, classes, {.seed = 1});
  testing::fill_by_formula(*network, arch + ".", 5);
  network->eval();
  return network;
}

/// Images whose pixels lie between black and white.
Tensor formula_images(dim_t n, std::uint64_t seed = 2) {
  return normalized_images(Tensor::from(formula_between("images", seed, n * 3 * 32 * 32, 0, 255), {n, 3, 32, 32}),
                           cifar_normalization());
}

std::vector<double> sums(const Tensor& maps) {
  const auto values = sum(maps, {1, 2}).to_vector();
  return {values.begin(), values.end()};
}

// Networks with depthwise convolutions are left out: an output whose nine inputs are all 0 has nobody to hand its
// relevance to.
TEST(Relevance, IsConservedFromTheLogitToThePixels) {
  for (const std::string arch : {"resnet8", "resnet8-a", "wrn-10-1", "vgg8-average-w16"}) {
    const auto network = formula_network(arch);
    const Tensor x = formula_images(2);
    const auto logits = network->logits_inference(x).to_vector();
    const auto totals =
        sums(relevance_maps(*network, x, {1, 3}, cifar_normalization(), {.start = RelevanceStart::kLogit}));
    EXPECT_NEAR(totals[0], logits[1], 2e-3 * std::abs(logits[1])) << arch;
    EXPECT_NEAR(totals[1], logits[4 + 3], 2e-3 * std::abs(logits[7])) << arch;
  }
}

TEST(Relevance, OfTheHalvesAddsUpToTheWhole) {
  const auto network = formula_network("resnet8");
  const Tensor x = formula_images(2);
  const auto map = [&](const ChannelRange& channels) {
    return relevance_maps(*network, x, {0, 2}, cifar_normalization(), {RelevanceStart::kLogit, channels}).to_vector();
  };
  const auto whole = map({}), first = map({0, 32}), second = map({32, 64});
  double largest = 0;
  for (const float v : whole) largest = std::max(largest, double(std::abs(v)));
  for (std::size_t i = 0; i < whole.size(); ++i) ASSERT_NEAR(first[i] + second[i], whole[i], 1e-5 * largest);
}

TEST(Relevance, BeyondTheOtherClassesIsNotNegative) {
  const auto network = formula_network("resnet8");
  const Tensor maps = relevance_maps(*network, formula_images(2), {0, 1}, cifar_normalization());
  EXPECT_EQ(maps.shape(), (Shape{2, 32, 32}));
  double total = 0;
  for (const float v : maps.to_vector()) {
    ASSERT_GE(v, 0);
    total += v;
  }
  EXPECT_GT(total, 0);
}

TEST(Relevance, LeavesTheNetworkAsItWas) {
  const auto network = formula_network("resnet8");
  network->train();
  const auto before = network->state();
  std::map<std::string, std::vector<float>> values;
  for (const auto& [name, tensor] : before) values[name] = tensor.to_vector();
  relevance_maps(*network, formula_images(1), {0}, cifar_normalization());
  EXPECT_TRUE(network->is_training());
  for (const auto& [name, tensor] : network->state()) EXPECT_EQ(tensor.to_vector(), values[name]) << name;
}

TEST(Relevance, RefusesWhatDoesNotFit) {
  const auto network = formula_network("resnet8");
  const Tensor x = formula_images(1);
  EXPECT_ERROR(relevance_maps(*network, x, {4}, cifar_normalization()), DataError, "a class in [0,4)");
  EXPECT_ERROR(relevance_maps(*network, x, {0, 1}, cifar_normalization()), ShapeError, "a class for each");
  EXPECT_ERROR(relevance_maps(*network, x, {0}, cifar_normalization(), {.channels = {60, 70}}), UsageError,
               "range of the 64 channels");
}

TEST(GradCam, IsWhatTheClassifiersWeightsSay) {
  const auto network = formula_network("resnet8");
  const Tensor x = formula_images(2);
  const std::vector<std::int32_t> classes = {3, 1};
  const Tensor tap = network->forward(x, {.taps = true}).taps.back().detach().contiguous();
  const auto weight = network->state().at("linear.weight").to_vector(), a = tap.to_vector();
  const dim_t channels = tap.dim(1), pixels = tap.dim(2) * tap.dim(3);
  for (const ChannelRange& range : {ChannelRange{}, ChannelRange{0, 32}, ChannelRange{32, 64}}) {
    const auto maps = grad_cam(*network, x, classes, range).to_vector();
    const dim_t last = range.last == 0 ? channels : range.last;
    for (dim_t n = 0; n < 2; ++n)
      for (dim_t p = 0; p < pixels; ++p) {
        double value = 0;
        for (dim_t c = range.first; c < last; ++c)
          value += weight[classes[n] * channels + c] / double(pixels) * a[(n * channels + c) * pixels + p];
        ASSERT_NEAR(maps[n * pixels + p], std::max(value, 0.0), 1e-6);
      }
  }
  EXPECT_ERROR(grad_cam(*network, x, {0, 4}), DataError, "a class in [0,4)");
}

TEST(EnlargeMaps, InterpolatesBetweenTheCentresOfPixels) {
  const Tensor map = Tensor::from(std::vector<float>{0, 4}, {1, 1, 2});
  EXPECT_EQ(enlarge_maps(map, 1, 4).to_vector(), (std::vector<float>{0, 1, 3, 4}));
  EXPECT_EQ(enlarge_maps(map, 2, 2).to_vector(), (std::vector<float>{0, 4, 0, 4}));
  EXPECT_ERROR(enlarge_maps(Tensor::zeros({2, 2}), 4, 4), ShapeError, "maps [n,h,w]");
}

TEST(AttentionAttack, LowersTheLossWithinItsBounds) {
  const auto network = formula_network("resnet8");
  const auto bytes = formula_between("image", 7, 3 * 32 * 32, 0, 255);
  const Tensor image = Tensor::from(bytes, {3, 32, 32});
  // Small steps, so that the slope decides.
  const AttentionAttack slow =
      attack_attention(*network, image, cifar_normalization(), {.rate = 0.02, .most_steps = 4});
  ASSERT_EQ(slow.steps, 4);
  for (std::size_t i = 1; i < slow.losses.size(); ++i) EXPECT_LT(slow.losses[i], slow.losses[i - 1]);

  const AttentionAttack fast =
      attack_attention(*network, image, cifar_normalization(), {.distance = 4, .bound = 10, .most_steps = 8});
  const auto moved = fast.image.to_vector();
  double squares = 0;
  for (std::size_t i = 0; i < moved.size(); ++i) {
    ASSERT_GE(moved[i], 0);
    ASSERT_LE(moved[i], 255);
    ASSERT_LE(std::abs(moved[i] - bytes[i]), 10 + 1e-4);
    squares += std::pow(double(moved[i]) - bytes[i], 2);
  }
  EXPECT_NEAR(fast.distance, std::sqrt(squares / double(moved.size())), 1e-9);
  EXPECT_NE(fast.seen, fast.second);
  EXPECT_ERROR(attack_attention(*network, image, cifar_normalization(), {.rate = 0}), UsageError, "positive rate");
}

TEST(AttentionAttack, GoesOnWhereAMapIsEmpty) {
  const auto network = make_network("wrn-10-1", 4, {.seed = 14});  // after seven steps it sees none
  network->eval();
  const Tensor image = Tensor::from(formula_between("image", 7, 3 * 32 * 32, 0, 255), {3, 32, 32});
  const AttentionAttack attack = attack_attention(*network, image, cifar_normalization(),
                                                  {.rate = 4, .distance = 200, .bound = 255, .most_steps = 9});
  EXPECT_EQ(attack.steps, 9);
}

TEST(Flatness, RisesFromTheNetworksOwnLossAndGivesTheWeightsBack) {
  const auto network = formula_network("wrn-10-1", 2);
  const ImageDataset data = testing::bright_images(6);
  std::vector<std::vector<float>> before;
  for (const NamedTensor& p : network->named_parameters()) before.push_back(p.tensor.to_vector());
  const FlatnessOptions options = {.deviations = {0, 0.5}, .draws = 2};
  const auto losses = measure_flatness(*network, data, options);
  ASSERT_EQ(losses.size(), 2u);
  EXPECT_EQ(losses[0].mean, evaluate(*network, data).mean_loss);
  EXPECT_LE(losses[1].lowest, losses[1].mean);
  EXPECT_GE(losses[1].highest, losses[1].mean);
  EXPECT_NE(losses[1].lowest, losses[1].highest);
  EXPECT_EQ(measure_flatness(*network, data, options)[1].mean, losses[1].mean);
  std::size_t i = 0;
  for (const NamedTensor& p : network->named_parameters()) EXPECT_EQ(p.tensor.to_vector(), before[i++]) << p.name;
  EXPECT_ERROR(measure_flatness(*network, data, {.deviations = {-1}}), UsageError, "deviations of 0 or more");
}

}  // namespace
}  // namespace engram
