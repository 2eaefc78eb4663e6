/// The data-free methods' generators against the released classes in float64 (tests/golden/generators.json; parameters
/// by the formula of tests/golden/README.md).

#include <gtest/gtest-spi.h>
#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>

#include "engine/autograd.h"
#include "engine/compute_mode.h"
#include "models/init.h"
#include "models/nets/generator_registry.h"
#include "tests/support/expect_error.h"
#include "tests/support/golden.h"
#include "tests/support/golden_tensor.h"
#include "tests/support/named_formula.h"
#include "tests/support/roundings.h"

namespace engram {
namespace {

using nlohmann::json;
using testing::expect_relative;
using testing::expect_summary;

/// How the generators of the file are called here.
const std::map<std::string, std::string> kNames = {{"dafl", "dafl"},
                                                   {"dafl_mnist", "dafl"},
                                                   {"zskt", "zskt"},
                                                   {"dfad", "dfad"},
                                                   {"cmi", "cmi"},
                                                   {"dfq_large", "large"},
                                                   {"dafl_large", "large"},
                                                   {"fast", "cmi"},
                                                   {"pre_novel", "pre-novel"},
                                                   {"nayer", "nayer"},
                                                   {"pre_memory", "pre-memory"},
                                                   {"dfq_third_party", "dfq"}};

dim_t count_layers(const json& tensors, const std::string& prefix) {
  dim_t count = 0;
  while (tensors.contains(prefix + std::to_string(count) + ".weight")) ++count;
  return count;
}

/// The registered name with the settings that fit the entry's tensors.
std::string component(const std::string& key, const json& entry, dim_t batch) {
  const json& tensors = entry["tensors"];
  const std::string linear = tensors.contains("l1.0.weight") ? "l1.0.weight" : "layers.0.weight";
  json made = {{"name", kNames.at(key)}, {"latent", tensors[linear][1]}};
  if (tensors.contains("n1.weight")) {
    const dim_t layers = count_layers(tensors, "le1.");
    made["embedding"] = tensors["n1.weight"][0];
    made["layers"] = layers;
    made["rows_per_layer"] = (batch + layers - 1) / layers;
  }
  return made.dump();
}

class DataFreeGenerators : public ::testing::Test {
 protected:
  void SetUp() override { set_conv_policy(kernels::ConvPolicy::kExact); }
  void TearDown() override { set_conv_policy(kernels::ConvPolicy::kFast); }

  std::unique_ptr<LatentGenerator> made(const std::string& key, const json& entry) const {
    const json& out = entry["out"]["shape"];
    return generator_registry().make(component(key, entry, data_["batch"]), {out[1], out[2], out[3]}, {});
  }

  /// The generator with the parameters of the formula, running statistics as constructed and vectors of spectral
  /// normalisation of length 1.
  std::unique_ptr<LatentGenerator> filled(const std::string& key, const json& entry) const {
    auto generator = made(key, entry);
    testing::fill_by_formula(*generator, key + ".", data_["seed"]);
    for (const auto& [name, tensor] : generator->state()) {
      if (name.ends_with("running_mean")) copy_into(tensor, Tensor::zeros(tensor.shape()));
      if (name.ends_with("running_var")) copy_into(tensor, Tensor::ones(tensor.shape()));
      if (name.ends_with("weight_u") || name.ends_with("weight_v")) copy_into(tensor, tensor / norm(tensor));
    }
    return generator;
  }

  /// What the generator makes images of, as a try rounds it.
  Tensor input(const std::string& key, const json& entry, int rounding) const {
    const std::uint64_t seed = data_["seed"];
    const dim_t batch = data_["batch"];
    if (!entry["grad_z"].is_null()) {
      const Shape shape = testing::shape_of(entry["grad_z"]);
      const auto z = testing::formula_normal(key + ".z", seed, numel(shape));
      return Tensor::from(testing::rounded(z, key + ".z", seed, rounding), shape);
    }
    const dim_t values = entry["tensors"]["n1.weight"][0];
    const std::vector<std::int32_t> labels = entry["labels"];
    const dim_t classes = *std::max_element(labels.begin(), labels.end()) + 1;
    const std::string name = key + ".label_embedding";
    const auto rows = testing::rounded(testing::formula_normal(name, seed, classes * values), name, seed, rounding);
    return index_select(Tensor::from(rows, {classes, values}), 0, Tensor::from(labels, {batch}));
  }

  /// Images, gradients and statistics of one generator. Returns whether all of its gradients agree to 1e-4.
  bool compare(const std::string& key, const json& entry, int rounding) const;

  const json data_ = testing::golden_json("generators.json");
};

TEST_F(DataFreeGenerators, HaveTheReleasedParameters) {
  for (const auto& [key, entry] : data_.items()) {
    if (!entry.is_object()) continue;
    SCOPED_TRACE(key);
    const auto generator = made(key, entry);
    EXPECT_EQ(generator->num_parameters(), entry["params"].get<dim_t>());
    const StateDict state = generator->state();
    EXPECT_EQ(state.size(), entry["tensors"].size() + entry["buffers"].size());
    for (const char* part : {"tensors", "buffers"})
      for (const auto& [name, shape] : entry[part].items()) {
        ASSERT_TRUE(state.contains(name)) << name;
        EXPECT_EQ(state.at(name).shape(), shape.get<Shape>()) << name;
      }
  }
}

bool DataFreeGenerators::compare(const std::string& key, const json& entry, int rounding) const {
  const auto generator = filled(key, entry);
  Tensor z = input(key, entry, rounding);
  z.set_requires_grad();
  const Tensor images = generator->forward(z);
  expect_summary(images, entry["out"], 1e-5, "images");
  const auto probe = testing::formula_between(key + ".probe", data_["seed"], images.numel(), -1, 1);
  const Tensor loss = sum(images * Tensor::from(probe, images.shape())) / float(images.numel());
  expect_relative(double(loss.item()), entry["loss"], 1e-5, "loss", 0.02);

  const std::vector<NamedTensor> parameters = generator->named_parameters();
  std::vector<Tensor> inputs = generator->parameters();
  inputs.push_back(z);
  const std::vector<Tensor> gradients = grad({loss}, inputs);
  ::testing::TestPartResultArray misses;
  {
    const ::testing::ScopedFakeTestPartResultReporter kept(
        ::testing::ScopedFakeTestPartResultReporter::INTERCEPT_ONLY_CURRENT_THREAD, &misses);
    for (std::size_t i = 0; i < parameters.size(); ++i)
      expect_relative(double(norm(gradients[i]).item()), entry["grad_norms"][parameters[i].name], 1e-4,
                      parameters[i].name, 1e-4);
    if (!entry["grad_z"].is_null()) expect_summary(gradients.back(), entry["grad_z"], 1e-4, "gradient to z");
  }
  for (std::size_t i = 0; i < parameters.size(); ++i)
    expect_relative(double(norm(gradients[i]).item()), entry["grad_norms"][parameters[i].name], 2e-3,
                    parameters[i].name, 1e-5);

  const StateDict state = generator->state();
  for (const auto& [name, expected] : entry["bn_after"].items()) expect_summary(state.at(name), expected, 1e-5, name);
  generator->eval();
  const NoGradGuard no_grad;
  expect_summary(generator->forward(z.detach()), entry["eval_out"], 1e-5, "images by running statistics");
  return misses.size() == 0;
}

TEST_F(DataFreeGenerators, ImagesGradientsAndStatisticsAreThoseOfTheReleasedClasses) {
  // An input of a LeakyReLU that is 0 but for rounding may have the other sign in float32, and then moves the gradients
  // before it by about one part in a thousand: with some 1e5 inputs a generator that happens to few of them. In 24 runs
  // that differ in rounding alone PyTorch's float32 departs by 8e-4 in NAYER's and meets 1e-4 in the others; hence 2e-3
  // for at most a quarter of the generators, those that meet 1e-4 with none of a few roundings.
  constexpr int kTries = 4;
  dim_t exact = 0, all = 0;
  for (const auto& [key, entry] : data_.items()) {
    if (!entry.is_object()) continue;
    SCOPED_TRACE(key);
    bool meets = false;
    for (int rounding = 0; rounding < kTries && !meets; ++rounding) meets = compare(key, entry, rounding);
    exact += meets;
    ++all;
  }
  EXPECT_GE(4 * exact, 3 * all) << "generators whose gradients all agree to 1e-4";
}

TEST(DataFreeGenerator, RefusesOtherLatentsAndImages) {
  const auto generator = make_generator("cmi", {3, 8, 8}, 1, {});
  EXPECT_EQ(generator->latent(), 256);
  EXPECT_TRUE(generator->in_unit_range());
  EXPECT_ERROR(generator->forward(Tensor::zeros({2, 255})), ShapeError, "[N,256], got [2,255]");
  EXPECT_ERROR(make_generator("cmi", {3, 30, 32}, 1, {}), UsageError, "multiples of 4, got 3x30x32");
  EXPECT_ERROR(make_generator("dfq", {3, 28, 28}, 1, {}), UsageError, "multiples of 8, got 3x28x28");
  EXPECT_ERROR(make_generator("cmj", {3, 8, 8}, 1, {}), UsageError, "cmi");
  EXPECT_ERROR(make_generator(R"({"name": "dafl", "latent": 0})", {3, 8, 8}, 1, {}), UsageError, "at least 1 latent");
  const auto nayer = make_generator(R"({"name": "nayer", "rows_per_layer": 2, "embedding": 4})", {3, 8, 8}, 1, {});
  EXPECT_ERROR(nayer->forward(Tensor::zeros({3, 4})), ShapeError, "at most 2 rows");
}

TEST(DataFreeGenerator, SpectralNormalisationBoundsTheWeight) {
  SpectralConv2d conv({.in_channels = 2, .out_channels = 3, .bias = true}, Init::normal(0, 1), Init::constant(0), {});
  conv.initialize(3);
  const Tensor x = Tensor::ones({1, 2, 5, 5});
  for (int i = 0; i < 60; ++i) conv.forward(x);  // the power iteration converges
  const Tensor w = reshape(conv.weight_orig, {3, 18}).detach();
  const StateDict state = conv.state();
  const Tensor wv = reshape(matmul(w, reshape(state.at("weight_v"), {18, 1})), {3});
  const float sigma = norm(wv).item();
  EXPECT_LT(norm(wv - sigma * state.at("weight_u")).item(), 1e-4f * sigma) << "a singular pair";
  conv.eval();
  const Tensor u = state.at("weight_u").clone(), y = conv.forward(x);
  EXPECT_EQ(conv.state().at("weight_u").to_vector(), u.to_vector()) << "evaluation leaves the vectors";
  EXPECT_LT(norm(y - conv2d(x, conv.weight_orig / sigma, conv.bias, {.padding = 1})).item(), 1e-4f);
}

}  // namespace
}  // namespace engram
