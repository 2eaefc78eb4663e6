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
