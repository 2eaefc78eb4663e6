// The generator and the feature pyramid of NaturalInversion.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "models/nets/feature_pyramid.h"
#include "models/nets/generator.h"
#include "models/nets/make_network.h"
#include "tests/support/expect_error.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/tensor_testing.h"

namespace engram {
namespace {

using testing::random_tensor;
using testing::random_values;
using testing::relative_difference;

double l2_norm(const Tensor& x) {
  double squares = 0;
  for (float v : x.to_vector()) squares += double(v) * v;
  return std::sqrt(squares);
}

TEST(ImageGenerator, ParametersAreThoseOfTheMethod) {
  EXPECT_EQ(ImageGenerator(1034, {}, {}).num_parameters(), 8'702'467);
  EXPECT_EQ(ImageGenerator(1124, {}, {}).num_parameters(), 9'439'747);

  ImageGenerator generator(1034, {}, {});
  generator.initialize(3);
  const StateDict state = generator.state();
  const auto rms = [&](const char* name) {
    return l2_norm(state.at(name)) / std::sqrt(double(state.at(name).numel()));
  };
  EXPECT_NEAR(rms("l3.weight"), 0.03110 / std::sqrt(3), 1e-4);
  EXPECT_NEAR(rms("l3.bias"), 0.03110 / std::sqrt(3), 5e-4);
  EXPECT_NEAR(rms("conv_block.3.weight"), 0.04167, 4e-4);
  EXPECT_NEAR(rms("conv_block.7.weight"), 0.04167, 6e-4);
  EXPECT_NEAR(rms("conv_block.10.weight"), 0.05893, 4e-3);
  EXPECT_EQ(rms("conv_block.3.bias"), 0);
  EXPECT_EQ(rms("conv_block.8.bias"), 0);
  EXPECT_NEAR(l2_norm(state.at("conv_block.0.weight") - Tensor::ones({128})) / std::sqrt(128.0), 0.02, 4e-3);
}

TEST(ImageGenerator, MakesImagesByBatchStatistics) {
  ImageGenerator generator(12, {}, {});
  generator.initialize(3);
  Tensor z = random_tensor({3, 12}, 1);
  const Tensor image = generator.forward(z);
  EXPECT_EQ(image.shape(), (Shape{3, 3, 32, 32}));
  const Tensor alone = generator.forward(slice(z, 0, 0, 2).clone());
  EXPECT_GT(relative_difference(alone, slice(image, 0, 0, 2)), 1e-3) << "the batch matters";
  backward(sum(square(image)));
  for (const NamedTensor& named : generator.named_parameters())
    EXPECT_TRUE(named.tensor.grad().defined()) << named.name;
  EXPECT_ERROR(generator.forward(random_tensor({3, 11}, 1)), ShapeError, "[N,12]");

  ImageGenerator grey(12, {1, 28, 20}, {});
  grey.initialize(3);
  EXPECT_EQ(grey.forward(z).shape(), (Shape{3, 1, 28, 20}));
  EXPECT_ERROR(ImageGenerator(12, {3, 32, 30}, {}), UsageError, "multiples of 4, got 3x32x30");
}

/// What the released code computes, step by step.
FeaturePyramid::Output naive(const StateDict& p, const Tensor& x, const std::vector<Tensor>& maps) {
  const auto conv = [&](const std::string& name, const Tensor& h) {
    const Tensor weight = p.at(name + ".weight");
    return conv2d(h, weight, p.at(name + ".bias"), {.padding = weight.dim(2) / 2});
  };
  Tensor h = maps.back();
  for (std::size_t i = 1; i < maps.size(); ++i) {
    h = conv(message("conv", i), upsample_nearest(h, 2));
    h = conv(message("conv_3", i), h + maps[maps.size() - 1 - i]);
  }
  const Tensor addition = conv("conv4", h);
  return {conv("conv6", x + addition), addition};
}

class Pyramid : public ::testing::TestWithParam<std::vector<TapSpec>> {};

TEST_P(Pyramid, RewritesAreExact) {
  FeaturePyramid pyramid({}, GetParam(), {});
  pyramid.initialize(5);
  Tensor x = random_tensor({2, 3, 32, 32}, 1);
  x.set_requires_grad();
  std::vector<Tensor> maps;
  for (const TapSpec& tap : GetParam())
    maps.push_back(random_tensor({2, tap.channels, tap.height, tap.width}, unsigned(tap.channels)).blocked());
  std::vector<Tensor> inputs = pyramid.parameters();
  inputs.push_back(x);
  maps[0].set_requires_grad();

  const Tensor weights = random_tensor({2, 3, 32, 32}, 9), more_weights = random_tensor({2, 3, 32, 32}, 10);
  const auto gradients = [&](const FeaturePyramid::Output& out) {
    return grad({sum(weights * out.preimage) + sum(more_weights * out.addition)}, inputs);
  };
  const FeaturePyramid::Output fast = pyramid.forward(x, maps), slow = naive(pyramid.state(), x, maps);
  EXPECT_LT(relative_difference(fast.preimage, slow.preimage), 1e-5);
  EXPECT_LT(relative_difference(fast.addition, slow.addition), 1e-5);
  const std::vector<Tensor> found = gradients(fast), expected = gradients(slow);
  const auto names = pyramid.named_parameters();
  for (std::size_t i = 0; i < found.size(); ++i)
    EXPECT_LT(relative_difference(found[i], expected[i]), 2e-5) << (i < names.size() ? names[i].name : "x");
}

TEST_P(Pyramid, MapsAreConstants) {
  FeaturePyramid pyramid({}, GetParam(), {});
  pyramid.initialize(5);
  std::vector<Tensor> maps;
  for (const TapSpec& tap : GetParam()) {
    maps.push_back(random_tensor({1, tap.channels, tap.height, tap.width}, 2));
    maps.back().set_requires_grad();
  }
  const FeaturePyramid::Output out = pyramid.forward(random_tensor({1, 3, 32, 32}, 1), maps);
  const auto gradients = grad({sum(out.preimage)}, maps, {.allow_unused = true});
  for (const Tensor& gradient : gradients) EXPECT_FALSE(gradient.defined());
}

INSTANTIATE_TEST_SUITE_P(Shapes, Pyramid,
                         ::testing::Values(std::vector<TapSpec>{{16, 32, 32}, {32, 16, 16}, {64, 8, 8}, {128, 4, 4}},
                                           std::vector<TapSpec>{{32, 32, 32}, {64, 16, 16}, {128, 8, 8}}));

TEST(FeaturePyramid, ParametersAreThoseOfTheMethod) {
  const FeaturePyramid pyramid({}, make_network("resnet34", 10, {.seed = std::nullopt})->taps(), {});
  EXPECT_EQ(pyramid.num_parameters(), 947'279);
  std::vector<std::string> names;
  for (const NamedTensor& named : pyramid.named_parameters())
    if (named.name.ends_with("weight")) names.push_back(named.name);
  EXPECT_EQ(names, (std::vector<std::string>{"conv1.weight", "conv2.weight", "conv3.weight", "conv4.weight",
                                             "conv6.weight", "conv_31.weight", "conv_32.weight", "conv_33.weight"}));
  EXPECT_EQ(pyramid.state().at("conv1.weight").shape(), (Shape{256, 512, 1, 1}));
  EXPECT_EQ(pyramid.state().at("conv_31.weight").shape(), (Shape{256, 256, 3, 3}));
}

TEST(FeaturePyramid, FitsEveryFamily) {
  for (const char* arch : {"resnet18-w16", "resnet20", "vgg11-w16", "wrn-16-2"}) {
    const auto network = make_network(arch, 10);
    FeaturePyramid pyramid(network->image(), network->taps(), {});
    pyramid.initialize(1);
    const Tensor x = random_tensor({2, 3, 32, 32}, 1);
    EXPECT_EQ(pyramid.forward(x, network->features_inference(x)).preimage.shape(), x.shape()) << arch;
  }
}

TEST(FeaturePyramid, RefusesOtherMaps) {
  EXPECT_ERROR(FeaturePyramid({}, {{16, 32, 32}}, {}), UsageError, "at least 2 maps");
  EXPECT_ERROR(FeaturePyramid({}, {{16, 32, 32}, {32, 8, 16}}, {}), UsageError, "halve in size, got 32x32 and 8x16");
  EXPECT_ERROR(FeaturePyramid({}, {{16, 16, 32}, {32, 8, 16}}, {}), UsageError, "the image's 32x32 pixels, got 16x32");
  FeaturePyramid pyramid({}, {{16, 32, 32}, {32, 16, 16}}, {});
  const Tensor x = random_tensor({1, 3, 32, 32}, 1);
  EXPECT_ERROR(pyramid.forward(x, {random_tensor({1, 16, 32, 32}, 1)}), ShapeError, "expected 2 maps");
  EXPECT_ERROR(pyramid.forward(x, {random_tensor({1, 16, 32, 32}, 1), random_tensor({1, 16, 16, 16}, 1)}), ShapeError,
               "expected map 2");
}

}  // namespace
}  // namespace engram
