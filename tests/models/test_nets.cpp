// The classifiers: parameter counts, names, taps, and the fused paths against the plain one.
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <cmath>
#include <fstream>
#include <sstream>

#include "engine/autograd.h"
#include "models/nets/make_network.h"
#include "models/nets/network_registry.h"
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

/// What remains of a network's name where only letters, digits and underscores may stand.
std::string name_for_test(std::string arch) {
  for (char& c : arch) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return arch;
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
                      CountCase{"wrn-28-10", 100, 36'536'884, 25}, CountCase{"vgg8-average", 10, 3'918'858, 5},
                      CountCase{"vgg8-average", 100, 3'965'028, 5}, CountCase{"vgg11-average", 10, 9'231'114, 8},
                      CountCase{"vgg11-average", 100, 9'277'284, 8}, CountCase{"vgg13-average", 10, 9'416'010, 10},
                      CountCase{"vgg13-average", 100, 9'462'180, 10},
                      CountCase{R"({"name": "vgg8", "head": "average", "batch_norm": false})", 10, 3'915'914, 0},
                      CountCase{R"({"name": "vgg11", "head": "average", "batch_norm": false})", 10, 9'225'610, 0},
                      CountCase{R"({"name": "vgg13", "head": "average", "batch_norm": false})", 10, 9'410'122, 0},
                      CountCase{R"({"name": "vgg13", "hidden": 4096, "batch_norm": false})", 10, 28'328'522, 0},
                      CountCase{"mobilenet", 10, 3'217'226, 27}, CountCase{"mobilenet", 100, 3'309'476, 27},
                      CountCase{"mobilenetv2", 10, 697'546, 53}, CountCase{"mobilenetv2", 100, 812'836, 53},
                      CountCase{"mobilenetv2-relu6", 10, 2'236'682, 52},
                      CountCase{"mobilenetv2-relu6", 100, 2'351'972, 52},
                      // Of RepDistiller's definitions, counted in PyTorch (tests/golden).
                      CountCase{"shufflenetv1", 10, 862'768, 49}, CountCase{"shufflenetv2", 10, 1'263'278, 56}),
    [](const auto& info) { return name_for_test(message(info.param.arch, "_", info.param.classes)); });

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
  has("vgg8-average", {"block0.0.bias", "block0.1.running_mean", "block4.0.weight", "classifier.weight"});
  has("vgg13-average", {"block1.3.weight", "block1.4.weight"});
  has("resnet18-imagenet", {"conv1.weight", "layer2.0.downsample.0.weight", "layer2.0.downsample.1.bias", "fc.bias"});
  has("mobilenet", {"layers.0.conv1.weight", "layers.12.bn2.running_var", "linear.weight"});
  has("mobilenetv2", {"conv1.0.weight", "blocks.0.0.conv.7.bias", "blocks.6.0.conv.3.weight", "classifier.0.bias"});
  has("mobilenetv2-relu6", {"features.0.0.weight", "features.1.conv.2.bias", "features.17.conv.0.1.weight",
                            "features.18.1.running_mean", "classifier.1.weight"});
  has("shufflenetv1", {"layer1.0.conv1.weight", "layer3.3.bn3.bias", "linear.bias"});
  has("shufflenetv2", {"layer1.0.conv5.weight", "layer2.7.bn3.bias", "conv2.weight", "linear.bias"});
  has("mlp", {"layers.0.weight", "layers.2.bias", "layers.4.weight"});
  has("wrn-16-2",
      {"conv1.weight", "block1.layer.0.convShortcut.weight", "block3.layer.1.bn2.weight", "bn1.bias", "fc.weight"});
}

TEST(Names, WrongOnesAreRefusedWithTheRightOnes) {
  for (const char* arch :
       {"", "resnet", "resnet19", "resnet20-w32", "vgg12", "wrn-", "wrn-16", "wrn-16-", "resnet18-w0064"})
    EXPECT_ERROR(make_network(arch, 10), UsageError, "wrn[-{depth}-{widen}]");
  EXPECT_ERROR(make_network("resnet18-w", 10), UsageError, "expected one of cifar, imagenet for \"stem\", got \"w\"");
  EXPECT_ERROR(make_network("resnet18-wx", 10), UsageError, "expected a whole number for \"width\", got \"x\"");
  EXPECT_ERROR(make_network("wrn-x-2", 10), UsageError, "expected a whole number for \"depth\", got \"x\"");
  EXPECT_ERROR(make_network("resnet21", 10), UsageError, "got \"resnet21\"; did you mean 'resnet20'?");
  for (const auto& [given, meant] : {std::pair{"wrn16-2", "wrn-16-2"},
                                     {"WRN16-2", "wrn-16-2"},
                                     {"vgg16_bn", "vgg16"},
                                     {"ResNet20", "resnet20"},
                                     {"resnet_18-w32", "resnet18-w32"},
                                     {"mobilenet_v2", "mobilenetv2"}})
    EXPECT_ERROR(make_network(given, 10), UsageError, message("did you mean '", meant, "'?"));
  EXPECT_ERROR(make_network("resnet18-w24", 10), UsageError, "multiple of 16");
  EXPECT_ERROR(make_network("resnet18-w99999", 10), UsageError, "at most 1024, got 99999");
  EXPECT_ERROR(make_network("resnet20-c", 10), UsageError,
               "[resnet20] expected one of b, a, average for \"shortcut\", got \"c\"");
  EXPECT_ERROR(make_network("vgg13-max", 10), UsageError,
               "expected one of linear, average, slimming, normalized for \"head\", got \"max\"");
  EXPECT_ERROR(make_network("wrn-17-2", 10), UsageError, "6n + 4");
  EXPECT_ERROR(make_network(R"({"name": "vgg13", "heads": "average"})", 10), UsageError,
               "got \"heads\"; did you mean 'head'?");
  EXPECT_ERROR(make_network(R"({"name": "mlp", "hidden": [0]})", 10), UsageError, "1 to 65536 values, got 0");
  EXPECT_ERROR(make_network("resnet20", 0), UsageError, "at least 1 class");
}

TEST(Names, OneNetworkHasOneName) {
  const auto name = [](const char* arch) { return make_network(arch, 10, {.seed = std::nullopt})->arch(); };
  EXPECT_EQ(name("resnet18-w64"), "resnet18");
  EXPECT_EQ(name(R"({"name": "resnet18", "width": 32})"), "resnet18-w32");
  EXPECT_EQ(name(R"({"name": "resnet20", "shortcut": "b"})"), "resnet20");
  EXPECT_EQ(name(R"({"width": 16, "name": "vgg8", "head": "average"})"), "vgg8-average-w16");
  EXPECT_EQ(name(R"({"name": "mlp", "hidden": [20]})"), R"({"name": "mlp", "hidden": [20]})");
}

TEST(Names, AreListedInTheDocumentation) {
  std::ifstream file(ENGRAM_SOURCE_DIR "/docs/networks.md");
  std::stringstream text;
  text << file.rdbuf();
  for (const RegistryEntry& entry : network_registry().entries()) {
    const std::string line = message("\n| `", usage_of(entry), "` | ", entry.help, " |");
    EXPECT_NE(text.str().find(line), std::string::npos) << "docs/networks.md lacks the line" << line;
    for (const RegistryEntry::SettingHelp& setting : entry.settings) {
      const std::string row =
          message("\n| `", entry.name, "` | `", setting.name, "` | `", setting.fallback, "` | ", setting.help, " |");
      EXPECT_NE(text.str().find(row), std::string::npos) << "docs/networks.md lacks the line" << row;
    }
  }
}

TEST(Networks, RefuseOtherImages) {
  EXPECT_ERROR(make_network("resnet20", 10)->forward(Tensor::zeros({2, 1, 28, 28})), ShapeError, "[N,3,32,32]");
  EXPECT_ERROR(make_network("resnet20", 10, {.image = {1, 28, 28}})->forward(Tensor::zeros({2, 3, 32, 32})), ShapeError,
               "[N,1,28,28]");
  EXPECT_ERROR(make_network("vgg11-w16", 10, {.image = {3, 31, 32}}), UsageError,
               "[vgg11-w16] expected images of at least 32x32 pixels (it halves them 5 times), got 3x31x32");
  EXPECT_ERROR(make_network("resnet20", 10, {.image = {7, 32, 32}}), DataError, "1 to 4 channels");
}

class Images : public ::testing::TestWithParam<std::pair<const char*, ImageShape>> {};

TEST_P(Images, OfAnyShapeThatTheNetworkAllows) {
  const auto [arch, image] = GetParam();
  const auto network = make_network(arch, 5, {.seed = 3, .image = image});
  network->eval();
  const Tensor x = Tensor::from(random_values(2 * image.count(), 4), {2, image.channels, image.height, image.width});
  const Features features = network->forward(x, {.taps = true});
  EXPECT_EQ(features.logits.shape(), (Shape{2, 5}));
  ASSERT_EQ(features.taps.size(), network->taps().size());
  for (std::size_t i = 0; i < features.taps.size(); ++i) {
    const TapSpec& tap = network->taps()[i];
    EXPECT_EQ(features.taps[i].shape(), (Shape{2, tap.channels, tap.height, tap.width}));
  }
  EXPECT_LT(relative_difference(network->logits_inference(x), features.logits), 1e-5);
}

INSTANTIATE_TEST_SUITE_P(
    Families, Images,
    ::testing::Values(std::pair{"resnet20", ImageShape{1, 28, 28}}, std::pair{"resnet18-w16", ImageShape{2, 9, 30}},
                      std::pair{"resnet20-a", ImageShape{3, 14, 7}}, std::pair{"vgg11-w16", ImageShape{4, 65, 33}},
                      std::pair{"wrn-10-1", ImageShape{1, 1, 5}},
                      std::pair{"resnet18-imagenet-w16", ImageShape{3, 65, 57}},
                      std::pair{"vgg8-average-w16", ImageShape{1, 64, 16}},
                      std::pair{"mobilenetv2", ImageShape{3, 28, 40}}, std::pair{"shufflenetv2", ImageShape{2, 14, 18}},
                      std::pair{"mlp", ImageShape{2, 14, 14}}));

TEST(Images, OfThePacsSetPassTheImageNetStem) {
  const auto network = make_network("resnet18-imagenet", 7, {.seed = std::nullopt, .image = {3, 225, 225}});
  EXPECT_EQ(network->taps(), (std::vector<TapSpec>{{64, 57, 57}, {128, 29, 29}, {256, 15, 15}, {512, 8, 8}}));
}

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

TEST_P(Paths, FeaturesAreThoseAskedFor) {
  const Tensor x = images(2);
  const Features all = network->forward(x, {.taps = true, .pre_activations = true, .pooled = true, .bn_inputs = true});
  EXPECT_EQ(all.logits.shape(), (Shape{2, 7}));
  EXPECT_LT(relative_difference(network->forward(x), all.logits), 1e-6);
  ASSERT_EQ(all.taps.size(), network->taps().size());
  ASSERT_EQ(all.pre_activations.size(), network->taps().size());
  for (std::size_t i = 0; i < all.taps.size(); ++i) {
    const TapSpec& tap = network->taps()[i];
    const Shape shape = {2, tap.channels, tap.height, tap.width};
    EXPECT_EQ(all.taps[i].shape(), shape);
    EXPECT_EQ(all.pre_activations[i].value.shape(), shape);
    const BatchNorm2d* const bn = all.pre_activations[i].bn;
    EXPECT_EQ(bn ? bn->channels() : tap.channels, tap.channels);
  }
  EXPECT_EQ(all.pooled.dim(0), 2);

  std::vector<std::string> names, found;
  for (const NamedModule& named : network->named_modules())
    if (dynamic_cast<BatchNorm2d*>(named.module)) names.push_back(named.name);
  for (const BnInput& input : all.bn_inputs) {
    found.push_back(input.name);
    EXPECT_EQ(input.x.dim(1), input.layer->channels()) << input.name;
  }
  EXPECT_EQ(found, names);

  const Features none = network->forward(x, {.logits = false});
  EXPECT_FALSE(none.logits.defined() || none.pooled.defined());
  EXPECT_TRUE(none.taps.empty() && none.pre_activations.empty() && none.bn_inputs.empty());
}

TEST_P(Paths, FoldedWeightsGiveTheSame) {
  const FeatureRequest request{.taps = true, .pre_activations = true, .pooled = true};
  const Features plain = network->forward(images(2), request), folded = network->inference(images(2), request);
  ASSERT_EQ(folded.taps.size(), plain.taps.size());
  for (std::size_t i = 0; i < plain.taps.size(); ++i) {
    EXPECT_LT(relative_difference(folded.taps[i], plain.taps[i]), 1e-5) << "tap " << i;
    EXPECT_LT(relative_difference(folded.pre_activations[i].value, plain.pre_activations[i].value), 1e-5) << i;
  }
  EXPECT_LT(relative_difference(folded.pooled, plain.pooled), 1e-5);
  EXPECT_LT(relative_difference(folded.logits, plain.logits), 1e-5);
  EXPECT_ERROR(network->inference(images(2), {.bn_inputs = true}), UsageError, "folded");
}

TEST_P(Paths, BranchesGoOnFromTheTrunk) {
  const int stages = int(network->taps().size()) - 1;
  const Tensor trunk = network->forward_stages(images(2), 0, stages);
  const Features rest = network->forward_from(trunk, stages, {.taps = true});
  EXPECT_EQ(rest.taps.size(), 1u);
  EXPECT_LT(relative_difference(rest.logits, network->forward(images(2))), 1e-6);
  EXPECT_EQ(network->forward_stages(network->forward_stages(images(2), 0, 1), 1, stages).to_vector(),
            trunk.to_vector());
  EXPECT_ERROR(network->forward_stages(images(2), 0, 0), UsageError, "expected 1 to");
  EXPECT_ERROR(network->forward_stages(images(2), 1, 1), UsageError, "a first stage of 0 to 0, got 1");
  EXPECT_ERROR(network->forward_stages(images(2), 1, stages), ShapeError, "expected the map");
  EXPECT_ERROR(network->forward_from(images(2), stages, {}), ShapeError, "expected the map");
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
                                           "vgg8-average-w16", "wrn-16-2", R"({"name": "mobilenet", "width": 0.25})",
                                           "mobilenetv2", "mobilenetv2-relu6", "shufflenetv1", "shufflenetv2"),
                         [](const auto& info) { return name_for_test(info.param); });

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
    Tensor y = (x - spread(bn.running_mean)) / sqrt(spread(bn.running_var) + bn.config().eps) * spread(bn.weight) +
               spread(bn.bias);
    if (residual.defined()) y = y + residual;
    return activation == Activation::kRelu ? relu(y) : y;
  }
};

/// Opens a network to any executor.
class OpenNetwork : public Network {
 public:
  static Tensor logits(Network& network, Executor& executor, const Tensor& x) {
    return (network.*&OpenNetwork::run)(executor, 0, x, {}, false).logits;
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
                         [](const auto& info) { return name_for_test(info.param); });

}  // namespace
}  // namespace engram
