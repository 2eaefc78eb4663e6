/// Pruning: stored values of the rethinking-network-pruning code, and what holds of any network.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <regex>

#include "engine/autograd.h"
#include "engine/compute_mode.h"
#include "models/classifier_file.h"
#include "models/component.h"
#include "models/methods/compression/prune.h"
#include "models/methods/compression/recovery.h"
#include "models/nets/make_network.h"
#include "tests/support/bright_images.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/named_formula.h"
#include "tests/support/temp_folder.h"

namespace engram {
namespace {

using nlohmann::json;
using testing::expect_relative;

/// The names of an object's members as the layers follow each other: numbers as numbers, and a name without any (the
/// last normalisation of a pre-activation network) at the end.
std::vector<std::string> in_network_order(const json& layers) {
  std::vector<std::pair<std::vector<int>, std::string>> keyed;
  for (const auto& [name, channels] : layers.items()) {
    std::vector<int> numbers;
    for (std::size_t i = 0; i < name.size(); ++i)
      if (std::isdigit(name[i])) {
        if (i == 0 || !std::isdigit(name[i - 1])) numbers.push_back(0);
        numbers.back() = 10 * numbers.back() + (name[i] - '0');
      }
    if (numbers.empty()) numbers.push_back(std::numeric_limits<int>::max());
    keyed.emplace_back(numbers, name);
  }
  std::sort(keyed.begin(), keyed.end());
  std::vector<std::string> names;
  for (const auto& [numbers, name] : keyed) names.push_back(name);
  return names;
}

/// The mask as the files write it: four channels a hexadecimal digit, the first in the highest bit.
std::string hex_of(const ChannelMask& mask) {
  std::string text;
  for (std::size_t i = 0; i < mask.size(); i += 4) {
    int digit = 0;
    for (std::size_t b = i; b < i + 4; ++b) digit = 2 * digit + (b < mask.size() && mask[b]);
    text += "0123456789abcdef"[digit];
  }
  return text;
}

bool begins_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

class PruningGolden : public ::testing::Test {
 protected:
  const json file = testing::golden_json("pruning.json");
  const std::uint64_t seed = file["seed"];
  const ComputeModeGuard exact{{.policy = kernels::ConvPolicy::kExact}};

  /// "l1_resnet56_A" -> resnet56 with averaged shortcuts; "slim_vgg16_ties" -> vgg16 with that code's head.
  std::unique_ptr<Network> network_of(const std::string& key) const {
    const int classes = int(file[key]["before_logits_row0"].size());
    const std::size_t first = key.find('_') + 1;
    const std::string name = key.substr(first, key.find('_', first) - first);
    const std::string setting = begins_with(name, "resnet") ? R"("shortcut":"average")"
                                : begins_with(key, "l1_")   ? R"("head":"normalized")"
                                                            : R"("head":"slimming")";
    auto network = make_network(R"({"name":")" + name + R"(",)" + setting + "}", classes, {.seed = std::nullopt});
    testing::fill_by_formula(*network, key + ".", seed);
    fill_renamed(*network, key, "linear.", "fc.");
    network->eval();
    network->set_requires_grad(false);
    return network;
  }

  /// Values by the names that the published code has for the head of its residual networks.
  void fill_renamed(Network& network, const std::string& key, const std::string& ours,
                    const std::string& theirs) const {
    for (auto& [name, tensor] : network.state()) {
      if (!begins_with(name, ours)) continue;
      const double bound = tensor.rank() == 1 ? 0.05 : std::sqrt(3. / double(tensor.dim(1)));
      write(tensor, testing::formula_between(key + "." + theirs + name.substr(ours.size()), seed, tensor.numel(),
                                             -bound, bound));
    }
  }

  /// "l1_resnet56_A" is a published plan; "l1_resnet20_ratio0.3" a ratio.
  static FilterPlan plan_of(const std::string& key) {
    if (const auto found = key.find("_ratio"); found != std::string::npos)
      return {.stage_ratios = {std::stod(key.substr(found + 6))}};
    std::string name = key.substr(3);
    for (char& c : name) c = c == '_' ? '-' : char(std::tolower(c));
    return published_filter_plans().at(name);
  }

  static void write(Tensor tensor, const std::vector<float>& values) {
    std::copy(values.begin(), values.end(), tensor.data<float>());
    tensor.bump_version();
  }

  /// The gains of slimming: in [-1, 1], changed as the entry says in words: "rounded (half to even) to multiples of
  /// 1/16: ...", "BN feature.11 multiplied by 2^-6: ...".
  std::vector<float> gains(const std::string& key, const std::string& bn, dim_t channels) const {
    std::vector<float> values = testing::formula_between(key + "." + bn + ".weight", seed, channels, -1, 1);
    const std::string words = file[key].value("gamma", "");
    std::smatch m;
    if (std::regex_search(words, m, std::regex("rounded \\(half to even\\) to multiples of 1/(\\d+)"))) {
      const float steps = std::stof(m[1]);
      for (float& v : values) v = std::nearbyint(v * steps) / steps;
    } else if (std::regex_search(words, m, std::regex("BN ([\\w.]+) multiplied by 2\\^(-?\\d+)"))) {
      if (m[1] == bn)
        for (float& v : values) v = std::ldexp(v, std::stoi(m[2]));
    } else if (!words.empty()) {
      ADD_FAILURE() << key << ": no gains that are " << words;
    }
    return values;
  }

  std::vector<float> first_logits(Network& network) const {
    const Tensor x = Tensor::from(testing::formula_between("prune.x", seed, 2 * 3 * 32 * 32, -1, 1), {2, 3, 32, 32});
    std::vector<float> logits = network.forward(x).to_vector();
    logits.resize(logits.size() / 2);
    return logits;
  }

  void expect_logits(Network& network, const json& expected, const std::string& what) const {
    double largest = 0;
    for (const json& value : expected) largest = std::max(largest, std::abs(value.get<double>()));
    const std::vector<float> got = first_logits(network);
    ASSERT_EQ(got.size(), expected.size()) << what;
    for (std::size_t c = 0; c < got.size(); ++c)
      expect_relative(double(got[c]), expected[c], 1e-5, what + " logit " + std::to_string(c), largest);
  }

  /// The published counter (see the file): of convolutions and linear layers by their products, and of modules in
  /// between by their elements.
  static double published_operations(Network& network) {
    double operations = 2. * double(count_macs(network));
    const NoGradGuard no_grad;
    for (const BnInput& input : network.forward(Tensor::zeros({1, 3, 32, 32}), {.bn_inputs = true}).bn_inputs)
      operations += input.name == "classifier.1" ? double(input.x.numel())        // only the ReLU behind it
                                                 : 3. * double(input.x.numel());  // twice, and the ReLU
    for (const NamedModule& named : network.named_modules())
      if (const auto* linear = dynamic_cast<const Linear*>(named.module)) operations += double(linear->bias.numel());
    // Poolings look at each value of their map once: maximum poolings of the VGGs, the last mean of the ResNets.
    const bool residual = begins_with(network_name(network), "resnet");
    for (const TapSpec& tap : network.taps())
      if (!residual || tap == network.taps().back()) operations += double(tap.channels * tap.height * tap.width);
    return operations;
  }
  static std::string network_name(const Network& network) { return parse_component(network.arch()).name; }

  void expect_counts(Network& network, const json& params, const json& flops, const std::string& what) const {
    EXPECT_EQ(network.num_parameters(), params.get<dim_t>()) << what;
    EXPECT_EQ(published_operations(network), flops.get<double>()) << what;
  }

  /// The norms of the network's second convolution ("conv1", counted from 0).
  static void expect_second_norms(Network& network, const std::vector<ChannelGroup>& groups, const json& expected,
                                  const std::string& what) {
    const auto second = std::find_if(groups.begin(), groups.end(), [](const auto& g) { return g.layer_index == 2; });
    const std::vector<double> norms = filter_norms(network.state().at(second->conv + ".weight"));
    ASSERT_EQ(norms.size(), expected.size()) << what;
    for (std::size_t i = 0; i < norms.size(); ++i) expect_relative(norms[i], expected[i], 1e-6, what + " norm");
  }

  void expect_masks(const std::vector<ChannelMask>& masks, const json& entry, const std::string& what) const {
    ASSERT_EQ(masks.size(), entry["masks"].size()) << what;
    for (std::size_t g = 0; g < masks.size(); ++g) {
      EXPECT_EQ(hex_of(masks[g]), entry["masks"][g].get<std::string>()) << what << " layer " << g;
      EXPECT_EQ(count_kept(masks[g]), entry["kept"][g].get<dim_t>()) << what << " layer " << g;
    }
  }
};

// The normalisations and their order are those that the file lists, so that this holds for networks too that the
// project does not have.
TEST_F(PruningGolden, SlimmingKeepsTheSameChannels) {
  int cases = 0;
  for (const auto& [key, entry] : file.items()) {
    if (!begins_with(key, "slim_")) continue;
    std::vector<std::vector<float>> all;
    for (const std::string& bn : in_network_order(entry["bn_layers"]))
      all.push_back(gains(key, bn, entry["bn_layers"][bn]));
    for (const json& one : entry["cases"]) {
      const std::string what = key + " at " + one["ratio"].dump();
      const SlimmingChoice choice = choose_by_gain(all, one["ratio"]);
      EXPECT_EQ(choice.threshold_index, one["threshold_index"].get<dim_t>()) << what;
      EXPECT_EQ(double(choice.threshold), one["threshold"].get<double>()) << what;
      dim_t pruned = one["total"];
      for (const ChannelMask& mask : choice.masks) pruned -= count_kept(mask);
      EXPECT_EQ(pruned, one["pruned"].get<dim_t>()) << what;
      expect_masks(choice.masks, one, what);
      ++cases;
    }
  }
  EXPECT_GT(cases, 0);
}

TEST_F(PruningGolden, SlimmedNetworksAreThePublishedOnes) {
  int cases = 0;
  for (const auto& [key, entry] : file.items()) {
    if (!begins_with(key, "slim_vgg")) continue;  // the others are pre-activation bottlenecks
    const auto network = network_of(key);
    const std::vector<ChannelGroup> groups = channel_groups(*network);
    StateDict state = network->state();
    for (const ChannelGroup& group : groups)
      write(state.at(group.bn + ".weight"), gains(key, group.bn, group.channels));
    expect_counts(*network, entry["before_params"], entry["before_flops"], key);
    expect_logits(*network, entry["before_logits_row0"], key);
    for (const json& one : entry["cases"]) {
      const std::string what = key + " at " + one["ratio"].dump();
      if (!one["error"].is_null()) {
        EXPECT_ERROR((slimming_masks(state, groups, one["ratio"])), UsageError, "leaves each layer a channel");
        continue;
      }
      const auto pruned = remove_channels(*network, groups, slimming_masks(state, groups, one["ratio"]));
      expect_counts(*pruned, one["params"], one["flops"], what);
      expect_logits(*pruned, one["logits_row0"], what);
      ++cases;
    }
  }
  EXPECT_GT(cases, 0);
}

TEST_F(PruningGolden, FilterPrunedNetworksAreThePublishedOnes) {
  int cases = 0;
  for (const auto& [key, entry] : file.items()) {
    if (!begins_with(key, "l1_") || !entry.is_object()) continue;
    const auto network = network_of(key);
    const std::vector<ChannelGroup> groups = channel_groups(*network);
    expect_counts(*network, entry["before_params"], entry["before_flops"], key);
    expect_logits(*network, entry["before_logits_row0"], key);
    expect_second_norms(*network, groups, entry["l1_norms_conv1"], key);
    const std::vector<ChannelMask> masks = filter_masks(network->state(), groups, plan_of(key));
    expect_masks(masks, entry, key);
    const auto pruned = remove_channels(*network, groups, masks);
    expect_counts(*pruned, entry["params"], entry["flops"], key);
    expect_logits(*pruned, entry["logits_row0"], key);
    ++cases;
  }
  EXPECT_GT(cases, 0);
}

TEST_F(PruningGolden, NetworksToBeSlimmedAreThePublishedOnes) {
  if (!file.contains("counts_slimming")) GTEST_SKIP() << "the file has no counts of whole networks";
  for (const auto& [name, counts] : file["counts_slimming"].items()) {
    if (!begins_with(name, "vgg")) continue;  // the others are pre-activation bottlenecks
    const auto network = make_network(R"({"name":")" + name + R"(","head":"slimming"})", 10, {.seed = std::nullopt});
    expect_counts(*network, counts["params"], counts["flops"], name);
  }
}

TEST(Pruning, CountsMultiplicationsAsPublished) {
  // MMAC an image that CMI's benchmark states, to its last digit.
  for (const auto& [arch, millions] : {std::pair{"wrn-40-2", 327.6}, {"wrn-16-1", 26.7}, {"wrn-16-2", 101.1}}) {
    const auto network = make_network(arch, 10);
    EXPECT_NEAR(double(count_macs(*network)) / 1e6, millions, 0.05) << arch;
  }
}

/// A network whose normalisations have statistics and gains of their own.
std::unique_ptr<Network> trained_like(const std::string& arch) {
  auto network = make_network(arch, 3, {.seed = std::nullopt});
  testing::fill_by_formula(*network, "pruning.", 5);
  network->eval();
  return network;
}

/// Sets the gains and biases of the channels that go to zero, so that nothing comes out of them.
void silence(Network& network, const std::vector<ChannelGroup>& groups, const std::vector<ChannelMask>& masks) {
  const StateDict state = network.state();
  for (std::size_t g = 0; g < groups.size(); ++g)
    for (const char* field : {".weight", ".bias"}) {
      Tensor tensor = state.at(groups[g].bn + field);
      for (dim_t c = 0; c < groups[g].channels; ++c)
        if (!masks[g][std::size_t(c)]) tensor.data<float>()[c] = 0;
      tensor.bump_version();
    }
}

class PrunedNetworks : public ::testing::TestWithParam<const char*> {};

TEST_P(PrunedNetworks, ComputeWhatTheWholeOneDoesWithSilentChannels) {
  const ComputeModeGuard exact{{.policy = kernels::ConvPolicy::kExact}};
  const auto network = trained_like(GetParam());
  const std::vector<ChannelGroup> groups = channel_groups(*network);
  const Tensor x = Tensor::from(testing::formula_between("x", 1, 2 * 3 * 32 * 32, -1, 1), {2, 3, 32, 32});
  for (const auto& masks : {slimming_masks(network->state(), groups, 0.2),
                            filter_masks(network->state(), groups, {.stage_ratios = {0.4}})}) {
    const auto pruned = remove_channels(*network, groups, masks);
    EXPECT_LT(pruned->num_parameters(), network->num_parameters());
    EXPECT_LT(count_macs(*pruned), count_macs(*network));
    const auto silent = trained_like(GetParam());
    silence(*silent, groups, masks);
    const std::vector<float> got = pruned->forward(x).to_vector(), expected = silent->forward(x).to_vector();
    const std::vector<float> folded = pruned->logits_inference(x).to_vector();
    for (std::size_t i = 0; i < got.size(); ++i) {
      EXPECT_NEAR(got[i], expected[i], 1e-5 * (1 + std::abs(expected[i])));
      EXPECT_NEAR(folded[i], expected[i], 1e-4 * (1 + std::abs(expected[i])));
    }
  }
}

TEST_P(PrunedNetworks, AreReadBackFromTheirFileAndPrunedAgain) {
  const test::TempFolder folder;
  const auto network = trained_like(GetParam());
  const auto once = remove_channels(*network, channel_groups(*network),
                                    filter_masks(network->state(), channel_groups(*network), {.stage_ratios = {0.3}}));
  save_classifier(folder / "pruned.safetensors", *once, cifar_normalization());
  const Classifier read = load_classifier(folder / "pruned.safetensors");
  EXPECT_EQ(read.network->arch(), once->arch());
  EXPECT_EQ(read.network->num_parameters(), once->num_parameters());
  const std::vector<ChannelGroup> groups = channel_groups(*read.network);
  const auto twice =
      remove_channels(*read.network, groups, filter_masks(read.network->state(), groups, {.stage_ratios = {0.3}}));
  EXPECT_LT(twice->num_parameters(), once->num_parameters());
}

INSTANTIATE_TEST_SUITE_P(Kinds, PrunedNetworks,
                         ::testing::Values("resnet18-w16", "resnet8", "resnet8-a", "vgg11-w16", "vgg8-average-w16",
                                           R"({"name":"vgg8","head":"slimming","width":16})", "wrn-10-1"));

TEST(Pruning, RefusesARatioThatEmptiesALayerAndSaysTheLargest) {
  const auto network = trained_like("wrn-10-1");
  const std::vector<ChannelGroup> groups = channel_groups(*network);
  const double largest = largest_slimming_ratio(gains_of(network->state(), groups));
  EXPECT_GT(largest, 0.2);
  EXPECT_NO_THROW(slimming_masks(network->state(), groups, largest));
  EXPECT_ERROR((slimming_masks(network->state(), groups, largest + 0.05)), UsageError, "which empties");
  EXPECT_ERROR((slimming_masks(network->state(), groups, largest + 0.05)), UsageError,
               message("the largest possible ratio is ", largest));
  EXPECT_ERROR((filter_masks(network->state(), groups, {.stage_ratios = {0.95}})), UsageError, "block1.layer.0.conv1");
  EXPECT_ERROR((filter_masks(network->state(), groups, {.stage_ratios = {0.95}})), UsageError,
               "the largest possible ratio is 0.9375");
  EXPECT_NO_THROW(filter_masks(network->state(), groups, {.stage_ratios = {0.9375}}));
}

TEST(Pruning, RefusesWhatDoesNotFit) {
  const auto network = trained_like("wrn-10-1");
  const std::vector<ChannelGroup> groups = channel_groups(*network);
  EXPECT_THROW(slimming_masks(network->state(), groups, 1), UsageError);
  EXPECT_THROW(slimming_masks(network->state(), groups, -0.1), UsageError);
  EXPECT_THROW(filter_masks(network->state(), groups, {.stage_ratios = {0.1, 0.2}}), UsageError);
  EXPECT_THROW(remove_channels(*network, groups, {}), UsageError);
  const auto other = make_network("shufflenetv2", 3);
  EXPECT_ERROR(channel_groups(*other), UsageError, "a ResNet, a VGG or a wide ResNet");
  EXPECT_ERROR(channel_groups(*other), UsageError, "shufflenetv2");
  const auto plain = make_network(R"({"name":"vgg8","batch_norm":false,"width":16})", 3);
  EXPECT_ERROR((slimming_masks(plain->state(), channel_groups(*plain), 0.1)), UsageError, "batch normalisation");
  EXPECT_THROW(make_network(R"({"name":"wrn","depth":10,"widen":1,"channels":[1,2]})", 3), UsageError);
  EXPECT_THROW(make_network(R"({"name":"wrn","depth":10,"widen":1,"channels":[1,2,65]})", 3), UsageError);
}

TEST(Recovery, SparsityMovesEachGainByItsSign) {
  const ImageDataset data = testing::bright_images(4);
  RecoveryOptions options{.batches = {.batch_size = 4, .seed = 1}, .epochs = 1};
  options.optimizer.momentum = 0;
  options.optimizer.weight_decay = 0;
  options.schedule.base_lr = 0.5;
  std::vector<std::vector<float>> gains;
  for (const float sparsity : {0.f, 0.125f}) {
    const auto network = make_network("wrn-10-1", 2, {.seed = 4});
    options.sparsity = sparsity;
    RecoveryTask task(*network, nullptr, data, options);
    task.stage(0);
    task.issue();
    gains.push_back(network->state().at("block1.layer.0.bn2.weight").to_vector());
  }
  for (std::size_t c = 0; c < gains[0].size(); ++c) EXPECT_NEAR(gains[1][c], gains[0][c] - 0.5f * 0.125f, 1e-6);
}

TEST(Recovery, NeedsATeacherForItsTermAndNormalisationsForSparsity) {
  const ImageDataset data = testing::bright_images(4);
  const auto network = make_network("mlp", 2);
  RecoveryOptions options{.batches = {.batch_size = 2}};
  options.distill_weight = 1;
  EXPECT_THROW(RecoveryTask(*network, nullptr, data, options), UsageError);
  options.distill_weight = 0;
  options.sparsity = 1e-4f;
  EXPECT_THROW(RecoveryTask(*network, nullptr, data, options), UsageError);
  options.sparsity = 0;
  options.label_weight = 0;
  EXPECT_THROW(RecoveryTask(*network, nullptr, data, options), UsageError);
}

}  // namespace
}  // namespace engram
