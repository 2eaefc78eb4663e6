/// The programs of IRM and REx on Coloured MNIST, step by step, on digits that a formula defines
/// (tests/golden/colored_mnist_irm.json).

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/ood/irm_penalty.h"
#include "models/methods/ood/ood_registry.h"
#include "models/nets/make_network.h"
#include "tests/support/given_environments.h"
#include "tests/support/golden.h"
#include "tests/support/named_formula.h"
#include "tests/support/ood_golden.h"

namespace engram::testing {
namespace {

using nlohmann::json;

/// "--name=value" words; a word without a value is "true".
std::map<std::string, std::string> flags_of(const std::string& text) {
  std::map<std::string, std::string> flags;
  std::istringstream words(text);
  for (std::string word; words >> word;) {
    const auto equals = word.find('=');
    flags[word.substr(2, equals - 2)] = equals == std::string::npos ? "true" : word.substr(equals + 1);
  }
  return flags;
}

/// The stand-in digits, every second row and column, in [0, 1].
class Digits {
 public:
  explicit Digits(const json& data) {
    const dim_t count = dim_t(data["train_images"]) + dim_t(data["test_images"]);
    const std::uint64_t seed = data["seed"];
    const auto pixels = formula_uniform(data["images_name"], seed, count * 28 * 28);
    for (const double u : formula_uniform(data["digits_name"], seed, count)) digits_.push_back(int(10 * u));
    for (dim_t n = 0; n < count; ++n)
      for (dim_t i = 0; i < kSide; ++i)
        for (dim_t j = 0; j < kSide; ++j)
          grey_.push_back(float(std::floor(256 * pixels[std::size_t((n * 28 + 2 * i) * 28 + 2 * j)]) / 255));
  }
  static constexpr dim_t kSide = 14, kPixels = kSide * kSide;

  /// Items `begin`, `begin + step`, ... below `end` with noisy labels, in two channels by colour (or grey in one).
  GivenImages environment(dim_t begin, dim_t end, dim_t step, const std::vector<double>& label_draws,
                          const std::vector<double>& colour_draws, double flip, bool grey) const {
    GivenImages given;
    std::size_t k = 0;
    for (dim_t n = begin; n < end; n += step, ++k) {
      const int label = int(digits_[std::size_t(n)] < 5) ^ int(label_draws[k] < 0.25);
      const int colour = label ^ int(colour_draws[k] < flip);
      given.labels.push_back(label);
      for (int channel = 0; channel < (grey ? 1 : 2); ++channel)
        for (dim_t p = 0; p < kPixels; ++p)
          given.images.push_back(grey || channel == colour ? grey_[std::size_t(n * kPixels + p)] : 0.f);
    }
    return given;
  }

 private:
  std::vector<int> digits_;
  std::vector<float> grey_;
};

class ColoredMnist : public ::testing::TestWithParam<std::string> {
 protected:
  /// The training environments and the test one.
  std::vector<GivenImages> environments(const json& run, bool grey) const {
    const Digits digits(data_);
    const dim_t pool = data_["train_images"], all = pool + dim_t(data_["test_images"]);
    const double flips[] = {0.2, 0.1, 0.9};
    std::vector<GivenImages> result;
    for (std::size_t e = 0; e < 3; ++e) {
      const auto draws = [&](std::size_t call) {
        return formula_uniform(run["rand_calls"][call][0], data_["seed"], run["rand_calls"][call][1]);
      };
      result.push_back(digits.environment(e < 2 ? dim_t(e) : pool, e < 2 ? pool : all, e < 2 ? 2 : 1, draws(2 * e),
                                          draws(2 * e + 1), flips[e], grey));
    }
    return result;
  }

  std::string method(bool rex, const std::map<std::string, std::string>& flags) const {
    json settings = {{"name", rex ? "vrex" : "irm"},
                     {"lambda", std::stod(flags.at("penalty_weight"))},
                     {"anneal", std::stoll(flags.at("penalty_anneal_iters"))},
                     {"divide", true},
                     {"reset", false}};
    if (rex)
      settings["spread"] = flags.contains("mse") && flags.at("mse") == "False" ? "absolute" : "squared";
    else
      settings["halves"] = false;
    return settings.dump();
  }

  void follow(const json& run, bool rex) {
    const auto flags = flags_of(run["flags"]);
    const bool grey = flags.contains("grayscale_model");
    const Device device = parse_device(GetParam());
    const std::vector<GivenImages> given = environments(run, grey);
    const Shape image = {grey ? 1 : 2, Digits::kSide, Digits::kSide};
    GivenEnvironments source({{given[0], given[1]}}, image, 2, 0, device);

    const std::string hidden = flags.at("hidden_dim");
    const auto network = make_network(R"({"name": "mlp", "hidden": [)" + hidden + "," + hidden + "]}", 1,
                                      {.image = {int(image[0]), int(image[1]), int(image[2])}});
    fill_parameters(*network, std::string(run["parameter_prefix"]) + "._main.", data_["seed"],
                    [](const std::string& name) { return name.substr(7); });
    network->to(device);

    GradientRecorder recorder;
    OodOptions options;
    options.schedule.base_lr = std::stod(flags.at("lr"));
    options.total_steps = dim_t(run["steps"].size());
    options.l2 = std::stod(flags.at("l2_regularizer_weight"));
    options.observer = &recorder;
    const auto task = ood_registry().make(method(rex, flags), {*network, source, options});
    for (const json& step : run["steps"]) {
      const dim_t number = step["step"];
      SCOPED_TRACE(std::string(run["tag"]) + " step " + std::to_string(number));
      // PyTorch's float32 stays within 2e-4 of these numbers.
      const double tolerance = number == 0 ? 1e-5 : 2e-4, gradient_tolerance = number == 0 ? 1e-4 : 1e-3;
      expect_environments(*network, given, image, step, tolerance);
      const auto meters = run_step(*task, number);
      expect_relative(meters.at("train/loss"), step["loss"], tolerance, "loss", 1e-3);
      expect_relative(meters.at("train/accuracy"), step["train_acc"], 1e-6, "accuracy");
      if (rex) expect_relative(meters.at("train/penalty"), step["rex_penalty"], tolerance, "spread", 1e-2);
      for (const auto& [name, norm] : step["gradient_norms"].items())
        expect_relative(recorder.norm_of("layers." + name.substr(6)), norm, gradient_tolerance, name);
      expect_numbers(recorder.gradients.at("layers.0.weight"), step["gradient_first4_layer0_weight"],
                     10 * gradient_tolerance, "gradient");
    }
    const StateDict state = network->state();
    for (const auto& [name, values] : run["after"]["first4"].items())
      expect_numbers(state.at("layers." + name.substr(6)), values, 1e-3, name);
    for (const auto& [name, norm] : run["after"]["norms"].items())
      expect_relative(norm_of(state.at("layers." + name.substr(6))), norm, 1e-4, name);
  }

  /// Risk, accuracy and penalty of each environment before the step.
  void expect_environments(Network& network, const std::vector<GivenImages>& given, const Shape& image,
                           const json& step, double tolerance) {
    const NoGradGuard no_grad;
    for (std::size_t e = 0; e < given.size(); ++e) {
      const dim_t count = dim_t(given[e].labels.size());
      const Tensor images = Tensor::from(given[e].images, {count, image[0], image[1], image[2]}, network.device());
      const Tensor labels = Tensor::from(given[e].labels, {count}, network.device());
      const Tensor logits = class_logits(network.forward(images));
      expect_relative(softmax_cross_entropy(logits, labels).item(), step["nll"][e], tolerance, "risk");
      expect_relative(irm_penalty(logits, labels, false).item(), step["irm_penalty"][e], 10 * tolerance, "penalty",
                      1e-3);
      const Tensor hits = equal(convert(argmax(logits), DType::kF32), convert(labels, DType::kF32));
      expect_relative(mean(hits).item(), step["acc"][e], 1e-6, "accuracy");
    }
  }

  json data_ = golden_json("colored_mnist_irm.json");
};

TEST_P(ColoredMnist, StepsFollowTheIrmProgram) {
  for (const json& run : data_["irm_repository"]["runs"]) follow(run, false);
}

TEST_P(ColoredMnist, StepsFollowTheRexProgram) {
  for (const json& run : data_["rex_repository"]["runs"]) follow(run, true);
}

TEST_P(ColoredMnist, TheStandInsAreThoseOfTheFile) {
  for (const json& run : data_["irm_repository"]["runs"]) {
    const auto given = environments(run, false);
    for (std::size_t e = 0; e < given.size(); ++e) {
      const json& expected = run["environments"][e];
      ASSERT_EQ(given[e].labels.size(), expected["size"]);
      for (std::size_t i = 0; i < expected["labels_first10"].size(); ++i)
        EXPECT_EQ(given[e].labels[i], expected["labels_first10"][i]);
      double total = 0;
      for (const float value : given[e].images) total += value;
      expect_relative(total, expected["image_sum"], 1e-6, "sum of the images");
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, ColoredMnist, ::testing::Values("cpu", "emu"),
                         [](const auto& info) { return info.param; });

}  // namespace
}  // namespace engram::testing
