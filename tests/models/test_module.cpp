// Modules: names, initialisation, strict loading.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "models/layers.h"
#include "tests/support/expect_error.h"

namespace engram {
namespace {

/// A convolution with normalisation, and the same again below.
class Pair : public Module {
 public:
  explicit Pair(bool reversed = false)
      : first_({.in_channels = 3, .out_channels = 16, .bias = true}, Device{}),
        bn_(16, Device{}),
        head_(4, 2, Device{}) {
    if (reversed) register_child("head", head_);
    register_child("block.0", first_);
    register_child("block.1", bn_);
    if (!reversed) register_child("head", head_);
  }

 private:
  Conv2d first_;
  BatchNorm2d bn_;
  Linear head_;
};

std::vector<std::string> names(const std::vector<NamedTensor>& tensors) {
  std::vector<std::string> result;
  for (const NamedTensor& named : tensors) result.push_back(named.name);
  return result;
}

/// An independent copy.
StateDict copy(const Module& module) {
  StateDict result;
  for (const auto& [name, tensor] : module.state()) result[name] = tensor.clone();
  return result;
}

TEST(Module, NamesAndOrderAreThoseOfPyTorch) {
  Pair pair;
  EXPECT_EQ(names(pair.named_parameters()),
            (std::vector<std::string>{"block.0.weight", "block.0.bias", "block.1.weight", "block.1.bias", "head.weight",
                                      "head.bias"}));
  EXPECT_EQ(names(pair.named_state()),
            (std::vector<std::string>{"block.0.weight", "block.0.bias", "block.1.weight", "block.1.bias",
                                      "block.1.running_mean", "block.1.running_var", "head.weight", "head.bias"}));
  EXPECT_EQ(pair.num_parameters(), 16 * 27 + 16 + 32 + 8 + 2);
  const auto modules = pair.named_modules();
  ASSERT_EQ(modules.size(), 4u);
  EXPECT_EQ(modules[0].name, "");
  EXPECT_EQ(modules[2].name, "block.1");
}

TEST(Module, InitialValuesDependOnSeedAndNameOnly) {
  Pair a, b(true), c;
  a.initialize(7);
  b.initialize(7);
  c.initialize(8);
  for (const auto& [name, tensor] : a.state()) EXPECT_EQ(tensor.to_vector(), b.state()[name].to_vector()) << name;
  EXPECT_NE(a.state()["head.weight"].to_vector(), c.state()["head.weight"].to_vector());
  EXPECT_EQ(a.state()["block.1.running_var"].to_vector(), std::vector<float>(16, 1.f));
}

TEST(Module, InitialValuesFollowTheirDistributions) {
  Conv2d uniform({.in_channels = 16, .out_channels = 64}, Device{});
  const Conv2dConfig config{.in_channels = 16, .out_channels = 64};
  Conv2d normal(config, Init::he_normal(Conv2d::fan_out(config)), {}, Device{});
  uniform.initialize(1);
  normal.initialize(1);
  const float bound = 1.f / 12;  // 1 / sqrt(16 * 9)
  double squares = 0, largest = 0, normal_squares = 0;
  for (float v : uniform.weight.to_vector()) {
    squares += double(v) * v;
    largest = std::max<double>(largest, std::abs(v));
  }
  for (float v : normal.weight.to_vector()) normal_squares += double(v) * v;
  const double count = double(uniform.weight.numel());
  EXPECT_LE(largest, bound);
  EXPECT_GT(largest, 0.99 * bound);
  EXPECT_NEAR(std::sqrt(squares / count), bound / std::sqrt(3.0), 0.02 * bound);
  EXPECT_NEAR(std::sqrt(normal_squares / count), std::sqrt(2.0 / (9 * 64)), 0.03 * std::sqrt(2.0 / (9 * 64)));
}

TEST(Module, LoadsWhatItSaved) {
  Pair a, b;
  a.initialize(1);
  b.initialize(2);
  const std::uint64_t version = b.state()["head.weight"].storage().version();
  StateDict state = copy(a);
  state["block.1.num_batches_tracked"] = Tensor::scalar(17);
  b.load_state(state);
  for (const auto& [name, tensor] : a.state()) EXPECT_EQ(tensor.to_vector(), b.state()[name].to_vector()) << name;
  EXPECT_GT(b.state()["head.weight"].storage().version(), version);
  b.load_state(b.state());  // from itself
  EXPECT_EQ(b.state()["head.weight"].to_vector(), a.state()["head.weight"].to_vector());
}

TEST(Module, LoadNamesEveryTensorThatDoesNotFit) {
  Pair pair;
  pair.initialize(1);
  const std::vector<float> before = pair.state()["head.bias"].to_vector();
  StateDict state = copy(pair);
  state.erase("block.0.bias");
  state["extra.weight"] = Tensor::zeros({1});
  state["head.weight"] = Tensor::zeros({4, 2});
  state["head.bias"] = Tensor::full({2}, 9);
  EXPECT_ERROR(pair.load_state(state), DataError, "missing: block.0.bias");
  EXPECT_ERROR(pair.load_state(state), DataError, "unexpected: extra.weight");
  EXPECT_ERROR(pair.load_state(state), DataError, "head.weight (expected [2,4] f32, got [4,2] f32)");
  EXPECT_EQ(pair.state()["head.bias"].to_vector(), before) << "a failed load changes nothing";
}

TEST(Module, LoadRefusesValuesThatNoNetworkHas) {
  Pair pair;
  pair.initialize(1);
  for (const float bad : {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    StateDict state = copy(pair);
    state["head.bias"] = Tensor::from(std::vector<float>{1, bad}, {2});
    EXPECT_ERROR(pair.load_state(state), DataError, "in head.bias");
  }
  StateDict state = copy(pair);
  state["block.1.running_var"] = Tensor::full({16}, -1);
  EXPECT_ERROR(pair.load_state(state), DataError, "at least 0 in block.1.running_var");
}

TEST(Module, ModesReachAllChildren) {
  Pair pair;
  EXPECT_TRUE(pair.is_training());
  pair.eval();
  for (const NamedModule& named : pair.named_modules()) EXPECT_FALSE(named.module->is_training());
  pair.set_requires_grad(false);
  for (const Tensor& parameter : pair.parameters()) EXPECT_FALSE(parameter.requires_grad());
  pair.set_requires_grad(true);
  for (const Tensor& parameter : pair.parameters()) EXPECT_TRUE(parameter.requires_grad());
  EXPECT_FALSE(pair.state()["block.1.running_mean"].requires_grad());
}

}  // namespace
}  // namespace engram
