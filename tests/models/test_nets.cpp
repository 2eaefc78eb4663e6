// The classifiers: parameter counts, names, taps, and the fused paths against the plain one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/autograd.h"
#include "models/nets/make_network.h"
#include "tests/support/expect_error.h"
#include "tests/support/kernel_testing.h"
#include "tests/support/tensor_testing.h"

namespace engram {
namespace {

using testing::random_values;
using testing::relative_difference;

Tensor images(dim_t n, unsigned seed = 1) {
  return Tensor::from(random_values(n * 3 * 32 * 32, seed, -2, 2), {n, 3, 32, 32});
}

/// Gives the normalisation layers scales, shifts and statistics as a trained network has them, so that nothing is
/// trivial.
void shake(Network& network) {
  unsigned seed = 100;
  for (NamedTensor& named : network.named_state()) {
    if (named.tensor.rank() != 1) continue;
    const bool is_scale = named.name.ends_with("weight") || named.name.ends_with("var");
    const auto values = random_values(named.tensor.numel(), ++seed, is_scale ? 0.6f : -0.2f, is_scale ? 1.4f : 0.2f);
    std::copy(values.begin(), values.end(), named.tensor.data<float>());
    named.tensor.bump_version();
  }
}

struct CountCase {
  const char* arch;
  int classes;
  dim_t parameters;
  int bn_layers;
};

class Counts : public ::testing::TestWithParam<CountCase> {};

TEST_P(Counts, AreThoseOfTheReferenceNetworks) {
  const auto [arch, classes, parameters, bn_layers] = GetParam();
  const auto network = make_network(arch, classes, {.seed = std::nullopt});
  EXPECT_EQ(network->num_parameters(), parameters);
  int found = 0;
  for (const NamedModule& named : network->named_modules())
    found += dynamic_cast<BatchNorm2d*>(named.module) != nullptr;
  EXPECT_EQ(found, bn_layers);
}

INSTANTIATE_TEST_SUITE_P(
    Networks, Counts,
    ::testing::Values(CountCase{"resnet18", 10, 11'173'962, 20}, CountCase{"resnet18", 100, 11'220'132, 20},
                      CountCase{"resnet34", 10, 21'282'122, 36}, CountCase{"resnet34", 100, 21'328'292, 36},
                      CountCase{"resnet20-a", 10, 269'722, 19}, CountCase{"resnet20", 10, 272'474, 21},
                      CountCase{"resnet20", 100, 278'324, 21}, CountCase{"resnet32", 10, 466'906, 33},
                      CountCase{"resnet44-a", 10, 658'586, 43}, CountCase{"resnet56", 10, 855'770, 57},
                      CountCase{"resnet110", 10, 1'730'714, 111}, CountCase{"resnet110-a", 100, 1'733'812, 109},
                      CountCase{"resnet8x4", 10, 1'210'410, 10}, CountCase{"resnet32x4", 100, 7'433'860, 34},
                      CountCase{"vgg11", 10, 9'756'426, 8}, CountCase{"vgg16", 10, 15'253'578, 13},
                      CountCase{"wrn-40-2", 10, 2'243'546, 37}, CountCase{"wrn-16-1", 10, 175'066, 13},
                      CountCase{"wrn-40-1", 10, 563'930, 37}, CountCase{"wrn-16-2", 10, 691'674, 13},
                      CountCase{"wrn-28-10", 100, 36'536'884, 25}),
    [](const auto& info) { return testing::test_name(message(info.param.arch, "_", info.param.classes)); });

TEST(Names, AreThoseOfTheReferenceNetworks) {
  const auto has = [](const std::string& arch, std::initializer_list<const char*> names) {
    const StateDict state = make_network(arch, 10, {.seed = std::nullopt})->state();
    for (const char* name : names) EXPECT_TRUE(state.contains(name)) << arch << " " << name;
  };
  has("resnet18-w16", {"conv1.weight", "bn1.running_var", "layer1.0.conv1.weight", "layer2.0.shortcut.0.weight",
                       "layer2.0.shortcut.1.bias", "layer4.1.bn2.weight", "linear.weight", "linear.bias"});
  has("resnet20", {"layer3.2.conv2.weight", "layer3.0.shortcut.1.running_mean", "linear.bias"});
  has("vgg11-w16", {"features.0.bias", "features.1.running_mean", "features.25.weight", "classifier.1.weight",
                    "classifier.4.bias", "classifier.6.weight"});
  has("vgg16-w16", {"features.40.weight", "features.41.weight"});
  has("wrn-16-2",
      {"conv1.weight", "block1.layer.0.convShortcut.weight", "block3.layer.1.bn2.weight", "bn1.bias", "fc.weight"});
}

TEST(Names, WrongOnesAreRefusedWithTheRightOnes) {
  for (const char* arch : {"", "resnet", "resnet19", "resnet18-w", "resnet18-w0", "resnet18-wx", "resnet20-w32",
                           "vgg13", "wrn-", "wrn-16", "wrn-16-", "wrn-x-2", "resnet18-w99999"})
    EXPECT_ERROR(make_network(arch, 10), UsageError, "wrn-D-K, got");
  EXPECT_ERROR(make_network("resnet18-w24", 10), UsageError, "multiple of 16");
  EXPECT_ERROR(make_network("wrn-17-2", 10), UsageError, "6n + 4");
  EXPECT_ERROR(make_network("resnet20", 0), UsageError, "at least 1 class");
  EXPECT_EQ(make_network("resnet18-w64", 10, {.seed = std::nullopt})->arch(), "resnet18");
}

TEST(Networks, RefuseOtherImages) {
  EXPECT_ERROR(make_network("resnet20", 10)->forward(Tensor::zeros({2, 1, 28, 28})), ShapeError, "[N,3,32,32]");
  EXPECT_ERROR(make_network("resnet20", 10, {.image = {1, 28, 28}})->forward(Tensor::zeros({2, 3, 32, 32})), ShapeError,
               "[N,1,28,28]");
  EXPECT_ERROR(make_network("vgg11-w16", 10, {.image = {3, 31, 32}}), UsageError,
               "[vgg11-w16] expected images of at least 32x32 pixels (it halves them five times), got 3x31x32");
  EXPECT_ERROR(make_network("resnet20", 10, {.image = {7, 32, 32}}), DataError, "1 to 4 channels");
}

class Images : public ::testing::TestWithParam<std::pair<const char*, ImageShape>> {};

TEST_P(Images, OfAnyShapeThatTheNetworkAllows) {
  const auto [arch, image] = GetParam();
  const auto network = make_network(arch, 5, {.seed = 3, .image = image});
  network->eval();
  const Tensor x = Tensor::from(random_values(2 * image.count(), 4), {2, image.channels, image.height, image.width});
  const Features features = network->forward_features(x);
  EXPECT_EQ(features.logits.shape(), (Shape{2, 5}));
  ASSERT_EQ(features.taps.size(), network->taps().size());
  for (std::size_t i = 0; i < features.taps.size(); ++i) {
    const TapSpec& tap = network->taps()[i];
    EXPECT_EQ(features.taps[i].shape(), (Shape{2, tap.channels, tap.height, tap.width}));
  }
  EXPECT_LT(relative_difference(network->logits_inference(x), features.logits), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Families, Images,
                         ::testing::Values(std::pair{"resnet20", ImageShape{1, 28, 28}},
                                           std::pair{"resnet18-w16", ImageShape{2, 9, 30}},
                                           std::pair{"resnet20-a", ImageShape{3, 14, 7}},
                                           std::pair{"vgg11-w16", ImageShape{4, 65, 33}},
                                           std::pair{"wrn-10-1", ImageShape{1, 1, 5}}));

/// Small members of each family.
class Paths : public ::testing::TestWithParam<const char*> {
 protected:
  void SetUp() override {
    network = make_network(GetParam(), 7, {.seed = 3});
    shake(*network);
    network->eval();
    network->set_requires_grad(false);
  }
  std::unique_ptr<Network> network;
};

TEST_P(Paths, TapsHaveTheDeclaredExtents) {
  const Features features = network->forward_features(images(2));
  EXPECT_EQ(features.logits.shape(), (Shape{2, 7}));
  ASSERT_EQ(features.taps.size(), network->taps().size());
  for (std::size_t i = 0; i < features.taps.size(); ++i) {
    const TapSpec& tap = network->taps()[i];
    EXPECT_EQ(features.taps[i].shape(), (Shape{2, tap.channels, tap.height, tap.width}));
  }
  EXPECT_LT(relative_difference(network->forward(images(2)), features.logits), 1e-7);
}

TEST_P(Paths, FoldedWeightsGiveTheSame) {
  const Features plain = network->forward_features(images(2));
  const std::vector<Tensor> taps = network->features_inference(images(2));
  ASSERT_EQ(taps.size(), plain.taps.size());
  for (std::size_t i = 0; i < taps.size(); ++i)
    EXPECT_LT(relative_difference(taps[i], plain.taps[i]), 1e-5) << "tap " << i;
  EXPECT_LT(relative_difference(network->logits_inference(images(2)), plain.logits), 1e-5);
}

TEST_P(Paths, MatchingGivesThePlainLogitsAndTheNormsOfAnyMode) {
  network->train();  // the mode must not matter
  const StateDict before = [&] {
    StateDict copy;
    for (const auto& [name, tensor] : network->state()) copy[name] = tensor.clone();
    return copy;
  }();
  const BnMatching matching = network->forward_with_bn_matching(images(3));
  for (const auto& [name, tensor] : network->state())
    EXPECT_EQ(tensor.to_vector(), before.at(name).to_vector()) << name;
  network->eval();
  EXPECT_LT(relative_difference(matching.logits, network->forward(images(3))), 1e-5);

  std::vector<std::string> expected;
  for (const NamedModule& named : network->named_modules())
    if (dynamic_cast<BatchNorm2d*>(named.module)) expected.push_back(named.name);
  ASSERT_EQ(matching.layers.size(), expected.size());
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(matching.layers[i].name, expected[i]);
    EXPECT_GT(matching.layers[i].var_norm.item(), 0);
    EXPECT_GT(matching.layers[i].mean_norm.item(), 0);
  }
}

TEST_P(Paths, TrainingReachesEveryParameter) {
  network->set_requires_grad(true);
  network->train();
  backward(sum(square(network->forward(images(4)))));
  for (const NamedTensor& named : network->named_parameters()) {
    ASSERT_TRUE(named.tensor.grad().defined()) << named.name;
    double norm = 0;
    for (float g : named.tensor.grad().to_vector()) norm += double(g) * g;
    EXPECT_TRUE(std::isfinite(norm)) << named.name;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, Paths,
                         ::testing::Values("resnet18-w16", "resnet20", "resnet20-a", "resnet8x4", "vgg11-w16",
                                           "wrn-16-2"),
                         [](const auto& info) { return testing::test_name(info.param); });

TEST(FoldedWeights, FollowChangesInPlace) {
  const auto network = make_network("vgg11-w16", 7, {.seed = 3});
  network->eval();
  network->set_requires_grad(false);
  network->logits_inference(images(2));
  const std::vector<NamedTensor> state = network->named_state();
  for (int i = 0; i < 6; ++i) {  // the first convolution and normalisation: each kind of tensor must be noticed
    float* data = state[i].tensor.data<float>();
    for (dim_t k = 0; k < state[i].tensor.numel(); ++k) data[k] = 1.5f * data[k] + 0.1f;
    state[i].tensor.bump_version();
    EXPECT_LT(relative_difference(network->logits_inference(images(2)), network->forward(images(2))), 2e-5)
        << state[i].name;
  }
}

/// The matching path from elementary operations: eval BN, ReLU and statistics apart.
class CompositeExecutor : public PlainExecutor {
 public:
  Tensor conv_bn(const Conv2d& conv, const BatchNorm2d& bn, const Tensor& x, Activation activation,
                 const Tensor& residual) override {
    return apply(bn, conv.forward(x), activation, residual);
  }
  Tensor bn(const BatchNorm2d& bn, const Tensor& x, Activation activation) override {
    return apply(bn, x, activation, {});
  }

  Tensor var_norms = Tensor::scalar(0), mean_norms = Tensor::scalar(0);

 private:
  Tensor apply(const BatchNorm2d& bn, const Tensor& x, Activation activation, const Tensor& residual) {
    const auto spread = [](const Tensor& v) { return reshape(v, {1, v.numel(), 1, 1}); };
    const Tensor mu = mean(x, {0, 2, 3}, true);
    const Tensor var = mean(square(x - mu), {0, 2, 3});
    var_norms = var_norms + sqrt(sum(square(bn.running_var - var)));
    mean_norms = mean_norms + sqrt(sum(square(bn.running_mean - reshape(mu, {bn.channels()}))));
    Tensor y = (x - spread(bn.running_mean)) / sqrt(spread(bn.running_var) + BatchNorm2d::kEps) * spread(bn.weight) +
               spread(bn.bias);
    if (residual.defined()) y = y + residual;
    return activation == Activation::kRelu ? relu(y) : y;
  }
};

/// Opens the two steps of a network.
class OpenNetwork : public Network {
 public:
  static Tensor logits(Network& network, Executor& executor, const Tensor& x) {
    return (network.*&OpenNetwork::head)((network.*&OpenNetwork::body)(executor, x, nullptr, false), false);
  }
};

class Matching : public Paths {};

TEST_P(Matching, NormsAndImageGradientsAreThoseOfTheComposite) {
  Tensor x = images(3, 5);
  x.set_requires_grad();
  const BnMatching fused = network->forward_with_bn_matching(x);
  Tensor var_norms = Tensor::scalar(0), mean_norms = Tensor::scalar(0);
  for (const NamedBnMismatch& layer : fused.layers) {
    var_norms = var_norms + layer.var_norm;
    mean_norms = mean_norms + layer.mean_norm;
  }
  CompositeExecutor composite;
  const Tensor logits = OpenNetwork::logits(*network, composite, x);
  EXPECT_LT(relative_difference(fused.logits, logits), 1e-5);
  EXPECT_LT(relative_difference(var_norms, composite.var_norms), 1e-5);
  EXPECT_LT(relative_difference(mean_norms, composite.mean_norms), 1e-5);

  const auto gradient = [&](const Tensor& z, const Tensor& v, const Tensor& m) {
    return grad({sum(square(z)) + 2.f * v + 3.f * m}, {x})[0];
  };
  const Tensor expected = gradient(logits, composite.var_norms, composite.mean_norms);
  const Tensor got = gradient(fused.logits, var_norms, mean_norms);
  // A value within rounding of a ReLU's kink may fall on either side of it, which moves the gradient of that one image.
  std::vector<double> differences;
  for (dim_t i = 0; i < got.dim(0); ++i)
    differences.push_back(relative_difference(slice(got, 0, i, i + 1), slice(expected, 0, i, i + 1)));
  std::sort(differences.begin(), differences.end());
  EXPECT_LT(differences[differences.size() - 2], 2e-4);
  EXPECT_LT(differences.back(), 2e-2);
}

INSTANTIATE_TEST_SUITE_P(Families, Matching, ::testing::Values("resnet18-w16", "resnet20", "vgg11-w16", "wrn-16-2"),
                         [](const auto& info) { return testing::test_name(info.param); });

}  // namespace
}  // namespace engram
