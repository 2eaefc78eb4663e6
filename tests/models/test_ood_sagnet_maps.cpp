/// SagNet on feature maps against steps in PyTorch (tests/golden/sagnet_maps.json), and what it moves and refuses.

#include <gtest/gtest.h>

#include <cmath>

#include "engine/ops.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/sagnet_maps.h"
#include "models/nets/make_network.h"
#include "tests/support/expect_error.h"
#include "tests/support/given_environments.h"
#include "tests/support/golden.h"
#include "tests/support/named_formula.h"
#include "tests/support/ood_golden.h"

namespace engram::testing {
namespace {

using nlohmann::json;

/// Keeps every gradient that an optimiser got, by update.
class UpdateRecorder : public UpdateObserver {
 public:
  void on_gradients(const std::vector<NamedTensor>& parameters, const std::vector<Tensor>& gradients) override {
    double total = 0;
    for (const Tensor& gradient : gradients)
      if (gradient.defined()) total += std::pow(norm_of(gradient), 2);
    norms.push_back(std::sqrt(total));
    moved.emplace_back();
    for (std::size_t i = 0; i < parameters.size(); ++i)
      if (gradients[i].defined()) moved.back().push_back(parameters[i].name);
  }

  std::vector<double> norms;
  std::vector<std::vector<std::string>> moved;  ///< names of the parameters that had a gradient
};

class SagNetMaps : public ::testing::TestWithParam<std::string> {
 protected:
  Device device() const { return parse_device(GetParam()); }

  std::unique_ptr<GivenEnvironments> environments() const {
    std::vector<GivenImages> given;
    for (std::int32_t e = 0; e < constants_["environments"]; ++e) {
      std::vector<std::int32_t> labels;
      for (std::int32_t i = 0; i < constants_["images"]; ++i)
        labels.push_back((i * (e + 1) + e) % constants_["classes"].get<std::int32_t>());
      const dim_t count = dim_t(labels.size()) * 3 * side_ * side_;
      given.push_back({formula_between("sagnet_maps.x." + std::to_string(e), seed_, count, -1, 1), labels});
    }
    return std::make_unique<GivenEnvironments>(std::vector<std::vector<GivenImages>>{given}, Shape{3, side_, side_},
                                               constants_["classes"], 0, device());
  }
  std::unique_ptr<Network> network(const std::string& arch = "resnet8") const {
    return make_network(arch, constants_["classes"], {.device = device(), .image = {3, side_, side_}});
  }
  /// Fills a network of that kind by the formula.
  void fill(Network& target, const std::string& prefix) const {
    const auto values = make_network(target.arch(), target.num_classes(), {.image = target.image()});
    fill_by_formula(*values, prefix, seed_);
    target.load_state(values->state());
  }
  OodOptions options() const {
    OodOptions options;
    options.optimizer = {
        .momentum = constants_["momentum"], .nesterov = false, .weight_decay = constants_["weight_decay"]};
    options.schedule.base_lr = constants_["lr"];
    return options;
  }
  std::string method() const {
    return json{{"name", "sagnet-maps"},
                {"after", constants_["after"]},
                {"adversary", constants_["adversary"]},
                {"clip", constants_["clip"]}}
        .dump();
  }
  void draw(SagNetOnMaps& task, dim_t step, dim_t count) const {
    const auto order = [&](const std::string& what) {
      const auto places = formula_permutation("sagnet_maps." + what + "." + std::to_string(step), seed_, count);
      return std::vector<std::int32_t>(places.begin(), places.end());
    };
    task.set_draws(formula_between("sagnet_maps.share." + std::to_string(step), seed_, count, 0, 1), order("styles"),
                   order("contents"));
  }
  void expect_after(const Network& network, const json& expected) const {
    const StateDict state = network.state();
    for (const auto& [name, summary] : expected.items()) {
      const Tensor& got = state.at(name);
      expect_relative(norm_of(got), summary["norm"], 1e-3, name);
      expect_numbers(got, summary["first"], 1e-3, name, double(summary["norm"]) / std::sqrt(double(got.numel())));
    }
  }

  json data_ = golden_json("sagnet_maps.json");
  json constants_ = data_["constants"];
  std::uint64_t seed_ = data_["seed"];
  dim_t side_ = constants_["side"];
};

TEST_P(SagNetMaps, Steps) {
  const auto source = environments();
  const auto net = network();
  fill(*net, "sagnet_maps.network.");
  UpdateRecorder recorder;
  OodOptions with_recorder = options();
  with_recorder.observer = &recorder;
  const auto task = ood_registry().make(method(), {*net, *source, with_recorder});
  auto& sagnet = dynamic_cast<SagNetOnMaps&>(*task);
  fill(sagnet.branch(), "sagnet_maps.branch.");
  const dim_t count = dim_t(constants_["environments"]) * dim_t(constants_["images"]);
  for (dim_t k = 0; k < constants_["steps"]; ++k) {
    recorder.norms.clear();
    task->stage(k);
    draw(sagnet, k, count);
    task->issue();
    const json& step = data_["steps"][std::size_t(k)];
    const MeterValues meters = task->meters().read(0);
    const char* order[] = {"style", "adversary", "loss"};  // of the updates
    ASSERT_EQ(recorder.norms.size(), 3u);
    for (std::size_t i = 0; i < 3; ++i) {
      const double value = meters[(i + 1) % 3].value;
      expect_relative(value, step[order[i]]["value"], 1e-4, order[i]);
      expect_relative(recorder.norms[i], step[order[i]]["grad_norm"], 1e-3, std::string(order[i]) + " gradient");
    }
  }
  expect_after(*net, data_["after"]["network"]);
  expect_after(sagnet.branch(), data_["after"]["branch"]);
}

INSTANTIATE_TEST_SUITE_P(Devices, SagNetMaps, ::testing::Values("cpu", "emu"));

class SagNetMapsOnCpu : public SagNetMaps {};

TEST_P(SagNetMapsOnCpu, EachLossMovesItsPart) {
  const auto source = environments();
  const auto net = network();
  UpdateRecorder recorder;
  OodOptions with_recorder = options();
  with_recorder.observer = &recorder;
  const auto task = ood_registry().make(R"({"name": "sagnet-maps", "after": 1})", {*net, *source, with_recorder});
  run_step(*task, 0);
  ASSERT_EQ(recorder.moved.size(), 3u);
  EXPECT_EQ(recorder.moved[1],
            (std::vector<std::string>{"bn1.weight", "bn1.bias", "layer1.0.bn1.weight", "layer1.0.bn1.bias",
                                      "layer1.0.bn2.weight", "layer1.0.bn2.bias"}));
  for (const std::string& name : recorder.moved[0])
    EXPECT_TRUE(name.starts_with("style.layer2.") || name.starts_with("style.layer3.") ||
                name.starts_with("style.linear."))
        << name;
  EXPECT_EQ(recorder.moved[2].size(), net->named_parameters().size());
}

TEST_P(SagNetMapsOnCpu, TheBranchBeginsAsTheNetworkButForItsLastLayer) {
  const auto source = environments();
  const auto net = network();
  for (const bool copied : {true, false}) {
    const auto task =
        ood_registry().make(json{{"name", "sagnet-maps"}, {"copied", copied}}.dump(), {*net, *source, options()});
    const StateDict branch = dynamic_cast<SagNetOnMaps&>(*task).branch().state(), own = net->state();
    const auto same = [&](const char* name) { return branch.at(name).to_vector() == own.at(name).to_vector(); };
    EXPECT_EQ(same("layer3.0.conv1.weight"), copied);
    EXPECT_FALSE(same("linear.weight"));
  }
}

TEST_P(SagNetMapsOnCpu, RefusesWhatHasNoSuchMap) {
  const auto source = environments();
  const auto make = [&](const std::string& arch, const std::string& method) {
    const auto net = network(arch);
    ood_registry().make(method, {*net, *source, options()});
  };
  EXPECT_ERROR(make("resnet8", R"({"name": "sagnet-maps", "after": 4})"), UsageError,
               "[sagnet-maps] expected the map after one of the 3 stages of resnet8, got 4");
  EXPECT_ERROR(make("resnet8", R"({"name": "sagnet-maps", "after": 0})"), UsageError, "got 0");
  EXPECT_ERROR(make(R"({"name": "mlp", "hidden": [6]})", "sagnet-maps"), UsageError, "one of the 0 stages");
  EXPECT_ERROR(make("resnet8", R"({"name": "sagnet-maps", "clip": -1})"), UsageError, "clipping norm");
  EXPECT_ERROR(make("resnet8", R"({"name": "sagnet-maps", "adversary": -1})"), UsageError, "sagnet-maps");
}

INSTANTIATE_TEST_SUITE_P(Cpu, SagNetMapsOnCpu, ::testing::Values("cpu"));

}  // namespace
}  // namespace engram::testing
