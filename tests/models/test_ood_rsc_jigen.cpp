/// RSC's own masks, JiGen's tiles and CNBB's losses against the authors' code (tests/golden/rsc_jigen.json).

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/ood/balancing_loss.h"
#include "models/methods/ood/jigsaw.h"
#include "models/methods/ood/rsc_mask.h"
#include "tests/support/golden.h"
#include "tests/support/named_formula.h"
#include "tests/support/ood_golden.h"

namespace engram::testing {
namespace {

using nlohmann::json;

class SelfChallenging : public ::testing::TestWithParam<std::string> {
 protected:
  Device device() const { return parse_device(GetParam()); }
  Tensor leaf(const std::vector<float>& values, const Shape& shape) const {
    Tensor x = Tensor::from(values, shape, device());
    return x.set_requires_grad();
  }
  Tensor parameter(const std::string& name, const Shape& shape) const {
    Tensor x = Tensor::empty(shape, DType::kF32, device());
    fill_parameter(x, name, seed_);
    return x.set_requires_grad();
  }

  json data_ = golden_json("rsc_jigen.json");
  std::uint64_t seed_ = data_["seed"];
};

TEST_P(SelfChallenging, MasksAreThoseOfTheAuthorsCode) {
  for (const json& run : data_["rsc"]["runs"]) {
    SCOPED_TRACE(std::string(run["tag"]));
    const Shape shape = run["feature_shape"];
    const dim_t count = shape[0], channels = shape[1], classes = run["classes"];
    Tensor maps = leaf(formula_normal(run["feature_name"], seed_, numel(shape)), shape);
    const std::string prefix = run["classifier_prefix"];
    const Tensor weight = parameter(prefix + ".weight", {classes, channels});
    const Tensor bias = parameter(prefix + ".bias", {classes});
    const Tensor labels = Tensor::from(run["labels"].get<std::vector<std::int32_t>>(), {count}, device());
    const Tensor targets = one_hot(labels, classes);
    const auto logits_of = [&](const Tensor& x) { return linear(global_avg_pool(x), weight, bias); };
    const auto probability = [&](const Tensor& logits) { return sum(softmax(logits) * targets, {1}).detach(); };

    const Tensor logits = logits_of(maps);
    expect_numbers(logits, run["logits_before"], 1e-4, "logits");
    expect_numbers(probability(logits), run["probability_before"], 1e-4, "probability");
    const Tensor gradient = grad({sum(logits * targets)}, {maps})[0];
    const bool spatial = run["kind"] == "spatial";
    const Tensor scores = spatial ? position_scores(maps, gradient) : channel_scores(gradient);
    expect_numbers(slice(scores, 0, 0, 1), run["scores_sample0"], 1e-4, "scores");
    const dim_t position = dim_t(std::ceil(spatial ? double(scores.dim(1)) / 3 : double(channels) / 3.2));
    const Tensor kept = muted_above(scores, position);
    const Tensor mask =
        spatial ? reshape(kept, {count, 1, shape[2], shape[3]}) : reshape(kept, {count, channels, 1, 1});
    const Tensor after = probability(logits_of(maps.detach() * mask));
    expect_numbers(after, run["probability_after"], 1e-4, "probability after");
    const Tensor challenged = challenged_samples_released(probability(logits) - after, run["batch_fraction"]);
    expect_numbers(challenged, run["sample_is_masked"], 1e-6, "masked samples");
    const std::vector<float> values = kept.to_vector(), chosen = challenged.to_vector();
    for (std::size_t n = 0; n < std::size_t(count); ++n) {
      std::vector<int> muted;
      for (std::size_t i = 0; i < std::size_t(kept.dim(1)) && chosen[n] == 1; ++i)
        if (values[n * std::size_t(kept.dim(1)) + i] == 0) muted.push_back(int(i));
      EXPECT_EQ(muted, run["muted_positions_per_sample"][n].get<std::vector<int>>()) << "sample " << n;
    }

    const Tensor final_mask = 1.f + neg(reshape(challenged, {count, 1, 1, 1}) * (1.f + neg(mask)));
    const Tensor masked = logits_of(maps * final_mask), loss = softmax_cross_entropy(masked, labels);
    expect_numbers(masked, run["logits_masked"], 1e-4, "masked logits");
    expect_relative(loss.item(), run["loss"], 1e-5, "loss");
    const std::vector<Tensor> gradients = grad({loss}, {maps, weight});
    expect_numbers(norm(gradients[0].contiguous(), {1, 2, 3}), run["gradient_to_features_norm_per_sample"], 1e-4,
                   "gradient to maps");
    expect_numbers(gradients[0], run["gradient_to_features_sample0_channel0"], 1e-4, "gradient to the first map");
    expect_numbers(gradients[1], run["gradient_classifier_weight_row0"], 1e-4, "gradient to the classifier");
  }
}

TEST_P(SelfChallenging, TilesAreShuffledAsInTheAuthorsCode) {
  const json& jigen = data_["jigen"];
  const dim_t side = jigen["side"];
  std::vector<float> bytes;
  for (const double u : formula_uniform(jigen["image_name"], seed_, 3 * side * side))
    bytes.push_back(float(std::floor(256 * u)));
  const Tensor image = Tensor::from(bytes, {1, 3, side, side}, device());
  std::vector<Permutation> permutations;  // "permutations_30"
  for (const auto& [name, list] : jigen.items())
    if (name.starts_with("permutations_")) permutations = list.get<std::vector<Permutation>>();
  ASSERT_FALSE(permutations.empty());
  const dim_t tiles = dim_t(permutations[0].size()), grid = dim_t(std::lround(std::sqrt(double(tiles))));
  for (const json& shuffled : jigen["shuffled"]) {
    const std::int32_t order = shuffled["order"];
    const Tensor matrices = Tensor::from(tile_matrices(permutations, {order}), {1, tiles, tiles}, device());
    const Tensor got = shuffle_tiles(image, matrices, grid);
    expect_numbers(got, shuffled["channel0"], 0, "first channel of order " + std::to_string(order));
    expect_numbers(slice(slice(got, 1, 2, 3), 2, 0, 1), shuffled["channel2_row0"], 0, "last channel");
  }
  const json& bias = jigen["bias"];
  const auto uniforms = formula_uniform(bias["uniforms_name"], seed_, dim_t(bias["uniforms"].size()));
  for (std::size_t i = 0; i < uniforms.size(); ++i)
    EXPECT_EQ(drawn_order(bias["proposed_order"][i], uniforms[i], bias["bias_whole_image"]),
              bias["resulting_order"][i]);
}

TEST_P(SelfChallenging, BalancingLossesAreThoseOfTheAuthorsCode) {
  for (const json& j : data_["cnbb"]["cases"]) {
    SCOPED_TRACE(std::string(j["tag"]));
    const dim_t n = j["n"], p = j["p"], classes = j["classes"];
    // "tanh(NAME + SHIFT * column)"
    const std::string rule = j["features"];
    const std::size_t plus = rule.find(" + ");
    const std::string name = rule.substr(5, plus - 5);
    const double shift = std::stod(rule.substr(plus + 3));
    std::vector<float> features = formula_normal(name, seed_, n * p);
    for (dim_t i = 0; i < n * p; ++i)
      features[std::size_t(i)] = float(std::tanh(double(features[std::size_t(i)]) + shift * double(i % p)));
    const std::string weights_rule = j["weights"];
    const std::string weights_name = weights_rule.substr(0, weights_rule.find(' '));
    const std::size_t open = weights_rule.find('['), comma = weights_rule.find(',', open);
    const double low = std::stod(weights_rule.substr(open + 1)), high = std::stod(weights_rule.substr(comma + 1));
    const Tensor f = leaf(features, {n, p}), w = leaf(formula_between(weights_name, seed_, n, low, high), {n});
    const Tensor logits = leaf(formula_normal(j["logits"], seed_, n * classes), {n, classes});
    const Tensor labels = Tensor::from(j["labels"].get<std::vector<std::int32_t>>(), {n}, device());

    const auto check = [&](const Tensor& loss, const std::string& key, const Tensor& x, const std::string& gradient) {
      expect_relative(loss.item(), j[key], 1e-5, key);
      expect_numbers(grad({loss}, {x}, {.retain_graph = true})[0], j[gradient], 1e-4, gradient);
    };
    const Tensor balancing = balancing_loss(f, w), nll = weighted_nll(logits, one_hot(labels, classes), w);
    check(balancing, "balancing", f, "balancing_d_features");
    check(balancing, "balancing", w, "balancing_d_weights");
    check(quantisation_loss(f), "quantisation", f, "quantisation_d_features");
    check(centring_loss(f), "centring", f, "centring_d_features");
    check(nll, "weighted_nll", logits, "weighted_nll_d_logits");
    check(nll, "weighted_nll", w, "weighted_nll_d_weights");
  }
}

// Samples that a saturated feature hardly tells apart: their weights' gradients are what it does tell.
TEST_P(SelfChallenging, BalancingOfSaturatedFeaturesHasTheirDigits) {
  const dim_t n = 6, p = 3;
  std::vector<float> features;
  for (dim_t i = 0; i < n; ++i) {
    features.push_back(i % 2 == 0 ? 0.9f : -0.9f);
    for (const dim_t steps : {i * i % 7, 5 * i % 6}) features.push_back(0.999f + 2e-5f * float(steps));
  }
  // Over all samples, with weights of 1: the means of the saturated features less 0, of the first nothing. Over the two
  // halves by the first feature: their difference.
  const auto value = [&](dim_t i, dim_t column) { return double(features[std::size_t(i * p + column)]); };
  std::vector<double> expected(std::size_t(n), 0.0);
  for (const dim_t column : {1, 2}) {
    double half[2] = {0, 0};
    for (dim_t i = 0; i < n; ++i) half[i % 2] += value(i, column) / double(n / 2);
    const double all = (half[0] + half[1]) / 2;
    for (dim_t i = 0; i < n; ++i) {
      const double sign = i % 2 == 0 ? 1 : -1;
      expected[std::size_t(i)] += 2 * all * (value(i, column) - all) / double(n) +
                                  2 * (half[0] - half[1]) * sign * (value(i, column) - half[i % 2]) / double(n / 2);
    }
  }
  const Tensor f = leaf(features, {n, p}), w = leaf(std::vector<float>(std::size_t(n), 1.f), {n});
  expect_numbers(grad({balancing_loss(f, w)}, {w})[0], expected, 1e-5, "gradient to the weights", 2e-5);
}

// A column's own means are far apart, those of the other columns nearly equal: what the latter come to must not be what
// rounding leaves of the former.
TEST_P(SelfChallenging, BalancingHasTheDigitsOfTheOtherColumns) {
  const dim_t n = 8, p = 2;
  std::vector<float> features;
  std::vector<double> weights;
  for (dim_t i = 0; i < n; ++i) {
    features.push_back(i % 2 == 0 ? 0.9f : -0.8f);
    features.push_back(i / 2 % 2 == 0 ? 0.7f : -0.9f);
    weights.push_back(1 + 1e-3 * double(i * i % 5));
  }
  // The other column's weighted mean over the samples where this one is positive less that where it is negative.
  double expected = 0;
  const std::vector<float> given(weights.begin(), weights.end());
  for (dim_t j = 0; j < p; ++j) {
    double mean[2] = {0, 0}, mass[2] = {0, 0};
    for (dim_t i = 0; i < n; ++i) {
      const bool low = features[std::size_t(i * p + j)] < 0;
      const double w = given[std::size_t(i)];
      mass[low] += w;
      mean[low] += w * double(features[std::size_t(i * p + 1 - j)]);
    }
    expected += std::pow(mean[0] / mass[0] - mean[1] / mass[1], 2);
  }
  const Tensor f = leaf(features, {n, p}), w = leaf(given, {n});
  expect_relative(balancing_loss(f, w).item(), expected, 2e-3, "balancing");
  // Of a single column there is no other.
  const Tensor one = leaf(formula_between("one", seed_, n, -1, 1), {n, 1}), alone = balancing_loss(one, w);
  EXPECT_EQ(alone.item(), 0.f);
  for (const Tensor& gradient : grad({alone}, {one, w}))
    for (const float value : gradient.to_vector()) EXPECT_EQ(value, 0.f);
}

INSTANTIATE_TEST_SUITE_P(Devices, SelfChallenging, ::testing::Values("cpu", "emu"),
                         [](const auto& info) { return info.param; });

TEST(Jigsaw, PermutationsAreFarFromEachOtherAndFromTheIdentity) {
  for (const auto& [tiles, count] : {std::pair(4, 23), std::pair(9, 30)}) {
    const std::vector<Permutation> chosen = distant_permutations(tiles, count, 0);
    std::set<Permutation> all(chosen.begin(), chosen.end());
    Permutation identity;
    for (int i = 0; i < tiles; ++i) identity.push_back(i);
    EXPECT_EQ(all.size(), std::size_t(count));
    EXPECT_FALSE(all.contains(identity));
  }
  // All that four tiles have.
  EXPECT_THROW(distant_permutations(4, 24, 0), UsageError);
}

}  // namespace
}  // namespace engram::testing
