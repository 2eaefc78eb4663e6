// The networks against values computed by PyTorch (tests/golden/README.md).
#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "engine/io/tensor_io.h"
#include "models/nets/make_network.h"
#include "models/nets/resnet.h"
#include "models/nets/vgg.h"
#include "models/nets/wide_resnet.h"
#include "tests/support/golden.h"
#include "tests/support/named_formula.h"
#include "tests/support/tensor_testing.h"

namespace engram {
namespace {

using testing::relative_difference;

const io::TensorFile& expected() {
  static const io::TensorFile file = io::load_tensors(testing::golden_path("expected.safetensors"));
  return file;
}

const io::TensorFile& formula() {
  static const io::TensorFile file = io::load_tensors(testing::golden_path("formula.safetensors"));
  return file;
}

/// Mean and L2 norm of each map.
std::vector<std::pair<double, double>> summaries(const std::vector<Tensor>& taps) {
  std::vector<std::pair<double, double>> result;
  for (const Tensor& tap : taps) {
    double total = 0, squares = 0;
    for (float v : tap.to_vector()) {
      total += v;
      squares += double(v) * v;
    }
    result.emplace_back(total / double(tap.numel()), std::sqrt(squares));
  }
  return result;
}

/// Checks the means and norms of maps against stored ones.
void check_summaries(const std::vector<Tensor>& maps, const Tensor& stored, const char* what) {
  const std::vector<float> expected = stored.to_vector();
  const auto found = summaries(maps);
  ASSERT_EQ(expected.size(), 2 * found.size()) << what;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const double norm = expected[2 * i + 1];
    EXPECT_NEAR(found[i].first, expected[2 * i], 1e-4 * std::abs(expected[2 * i]) + 1e-5) << "mean of " << what << i;
    EXPECT_NEAR(found[i].second, norm, 1e-4 * norm) << "norm of " << what << " " << i;
  }
}

/// Checks all evaluation paths of a network against the values of `name` in `file`.
void check_evaluation(Network& network, const io::TensorFile& file, const std::string& name) {
  const Tensor x = expected().tensors.at("x");
  const Tensor logits = file.tensors.at(name + ".logits");
  network.eval();
  network.set_requires_grad(false);
  const FeatureRequest request{.taps = true, .pre_activations = true, .pooled = true};
  for (const Features& found : {network.forward(x, request), network.inference(x, request)}) {
    EXPECT_LT(relative_difference(found.logits, logits), 1e-4);
    std::vector<Tensor> before;
    for (const PreActivation& map : found.pre_activations) before.push_back(map.value);
    check_summaries(found.taps, file.tensors.at(name + ".taps"), "tap");
    check_summaries(before, file.tensors.at(name + ".before"), "map before the activation");
    check_summaries({found.pooled}, file.tensors.at(name + ".pooled"), "pooled vector");
  }
  EXPECT_LT(relative_difference(network.logits_inference(x), logits), 1e-4);

  const BnMatching matching = network.forward_with_bn_matching(x);
  EXPECT_LT(relative_difference(matching.logits, logits), 1e-4);
  const std::vector<float> norms = file.tensors.at(name + ".bn_mismatch").to_vector();
  ASSERT_EQ(norms.size(), 2 * matching.layers.size());
  for (std::size_t i = 0; i < matching.layers.size(); ++i) {
    EXPECT_NEAR(matching.layers[i].var_norm.item(), norms[2 * i], 1e-4 * norms[2 * i]) << matching.layers[i].name;
    EXPECT_NEAR(matching.layers[i].mean_norm.item(), norms[2 * i + 1], 1e-4 * norms[2 * i + 1])
        << matching.layers[i].name;
  }
}

std::unique_ptr<Network> small_network(const std::string& name) {
  const Device device;
  const NetworkSpec spec{name, 10};
  if (name == "resnet18_small")
    return std::make_unique<ResNet>(spec, ResNetConfig{.stem = 2, .widths = {2, 4, 8, 16}, .blocks = {2, 2, 2, 2}},
                                    device);
  if (name == "resnet20_small")
    return std::make_unique<ResNet>(spec, ResNetConfig{.stem = 4, .widths = {4, 8, 16}, .blocks = {3, 3, 3}}, device);
  if (name == "resnet8_a_small")
    return std::make_unique<ResNet>(
        spec,
        ResNetConfig{
            .stem = 4, .widths = {4, 8, 16}, .blocks = {1, 1, 1}, .shortcut = ResNetConfig::Shortcut::kSubsampled},
        device);
  if (name == "vgg11_small")
    return std::make_unique<Vgg>(
        spec, VggConfig{.convolutions = {1, 1, 2, 2, 2}, .channels = {2, 4, 8, 8, 16, 16, 16, 16}}, device);
  return std::make_unique<WideResNet>(spec, 1, std::vector<dim_t>{16, 32, 64}, device);
}

class StoredState : public ::testing::TestWithParam<const char*> {};

TEST_P(StoredState, LoadsAndGivesTheSameResults) {
  const std::string name = GetParam();
  const auto network = small_network(name);
  network->load_state(io::load_tensors(testing::golden_path("state_dicts/" + name + ".safetensors")).tensors);
  check_evaluation(*network, expected(), name);
}

INSTANTIATE_TEST_SUITE_P(Torch, StoredState,
                         ::testing::Values("resnet18_small", "resnet20_small", "resnet8_a_small", "vgg11_small",
                                           "wrn-10-1"),
                         [](const auto& info) { return testing::test_name(info.param); });

class FormulaState : public ::testing::TestWithParam<const char*> {};

TEST_P(FormulaState, GivesTheSameResults) {
  const auto network = make_network(GetParam(), 10, {.seed = std::nullopt});
  testing::fill_by_formula(*network, "teacher.", 20261123);
  check_evaluation(*network, formula(), GetParam());
}

// Not all that are stored: the others of each family would add seconds and no code path.
INSTANTIATE_TEST_SUITE_P(Torch, FormulaState,
                         ::testing::Values("resnet18-w32", "resnet20", "resnet20-a", "resnet8x4", "resnet18-imagenet",
                                           "vgg11", "vgg8-average", "wrn-16-2", "mobilenet", "mobilenetv2",
                                           "mobilenetv2-relu6", "shufflenetv1", "shufflenetv2"),
                         [](const auto& info) { return testing::test_name(info.param); });

TEST(TorchTraining, LossGradientsAndRunningStatistics) {
  const auto network = small_network("resnet18_small");
  network->load_state(io::load_tensors(testing::golden_path("state_dicts/resnet18_small.safetensors")).tensors);
  network->train();
  const Tensor labels = Tensor::from(std::vector<std::int32_t>{3, 8}, {2});
  const Tensor loss = softmax_cross_entropy(network->forward(expected().tensors.at("x")), labels);
  backward(loss);

  const std::string prefix = "resnet18_small.train.";
  EXPECT_LT(relative_difference(loss, expected().tensors.at(prefix + "loss")), 1e-4);
  const StateDict state = network->state();
  int checked = 0;
  for (const auto& [name, value] : expected().tensors) {
    if (name.starts_with(prefix + "grad.")) {
      EXPECT_LT(relative_difference(state.at(name.substr(prefix.size() + 5)).grad(), value), 2e-3) << name;
      ++checked;
    } else if (name.starts_with(prefix + "after.")) {
      EXPECT_LT(relative_difference(state.at(name.substr(prefix.size() + 6)), value), 1e-4) << name;
      ++checked;
    }
  }
  EXPECT_EQ(checked, 10);
}

}  // namespace
}  // namespace engram
