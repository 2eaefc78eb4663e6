/// DomainBed's algorithms, update by update (tests/golden/domainbed_losses.json, on given features, and
/// domainbed_trajectory.json).

#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/methods/ood/dann.h"
#include "models/methods/ood/feature_distance.h"
#include "models/methods/ood/irm_penalty.h"
#include "models/methods/ood/mixup.h"
#include "models/methods/ood/mldg.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/order_statistic.h"
#include "models/methods/ood/rsc_mask.h"
#include "models/nets/make_network.h"
#include "tests/support/given_environments.h"
#include "tests/support/golden.h"
#include "tests/support/named_formula.h"
#include "tests/support/ood_golden.h"
#include "tests/support/roundings.h"
#include "tests/support/vector_network.h"

namespace engram::testing {
namespace {

using nlohmann::json;

/// What the registry takes for an algorithm with its hyper-parameters.
std::string method_of(const json& run) {
  const std::string name = run["algorithm"];
  const json& h = run["hparams"];
  if (name == "ERM") return "erm";
  if (name == "IRM")
    return json{{"name", "irm"}, {"lambda", h["irm_lambda"]}, {"anneal", h["irm_penalty_anneal_iters"]}}.dump();
  if (name == "VREx")
    return json{{"name", "vrex"}, {"lambda", h["vrex_lambda"]}, {"anneal", h["vrex_penalty_anneal_iters"]}}.dump();
  if (name == "GroupDRO") return json{{"name", "group-dro"}, {"eta", h["groupdro_eta"]}}.dump();
  if (name == "Mixup") return json{{"name", "mixup"}, {"alpha", h["mixup_alpha"]}}.dump();
  if (name == "CORAL") return json{{"name", "coral"}, {"gamma", h["mmd_gamma"]}}.dump();
  if (name == "MMD") return json{{"name", "mmd"}, {"gamma", h["mmd_gamma"]}}.dump();
  if (name == "DANN" || name == "CDANN")
    return json{
        {"name", name == "DANN" ? "dann" : "cdann"}, {"lambda", h["lambda"]},   {"grad_penalty", h["grad_penalty"]},
        {"d_steps", h["d_steps_per_g_step"]},        {"beta1", h["beta1"]},     {"lr_d", h["lr_d"]},
        {"weight_decay_d", h["weight_decay_d"]},     {"width", h["mlp_width"]}, {"depth", h["mlp_depth"]}}
        .dump();
  if (name == "MLDG") return json{{"name", "mldg"}, {"beta", h["mldg_beta"]}, {"meta_test", h["n_meta_test"]}}.dump();
  if (name == "RSC")
    return json{{"name", "rsc"}, {"feature_share", h["rsc_f_drop_factor"]}, {"batch_share", h["rsc_b_drop_factor"]}}
        .dump();
  ADD_FAILURE() << "no method stands for " << name;
  return "erm";
}

OodOptions options_of(const json& run, dim_t steps, UpdateObserver* observer) {
  const json& h = run["hparams"];
  OodOptions options;
  options.schedule.base_lr = h.contains("lr_g") ? h["lr_g"] : h["lr"];
  options.optimizer.weight_decay = h.contains("weight_decay_g") ? h["weight_decay_g"] : h["weight_decay"];
  options.total_steps = steps;
  options.observer = observer;
  return options;
}

/// A run on the device, with what it is made of.
struct GoldenRun {
  std::unique_ptr<Network> network;
  std::unique_ptr<GivenEnvironments> source;
  GradientRecorder recorder;
  std::unique_ptr<OodTask> task;
  std::string prefix;  ///< of the file's names of the network's parameters, before the network's own

  /// The state of the network, and of the parts that the method adds, by the names of the file.
  StateDict state() const {
    StateDict all;
    for (const auto& [name, tensor] : network->state()) all[prefix + name] = tensor;
    if (auto* dann = dynamic_cast<Dann*>(task.get())) {
      for (const auto& [name, tensor] : dann->discriminator().state()) all["discriminator." + name] = tensor;
      if (dann->class_embeddings().defined()) all["class_embeddings.weight"] = dann->class_embeddings();
    }
    return all;
  }
};

void start(GoldenRun& run, const json& j, std::uint64_t seed, dim_t steps) {
  run.task = ood_registry().make(method_of(j), {*run.network, *run.source, options_of(j, steps, &run.recorder)});
  if (auto* dann = dynamic_cast<Dann*>(run.task.get())) {
    const std::string prefix = std::string(j["parameter_prefix"]) + ".";
    fill_parameters(dann->discriminator(), prefix + "discriminator.", seed);
    if (dann->class_embeddings().defined())
      fill_parameter(dann->class_embeddings(), prefix + "class_embeddings.weight", seed);
  }
}

/// One update with the draws of the file.
std::map<std::string, double> update(GoldenRun& run, const json& step) {
  const dim_t number = step["step"];
  run.recorder.clear();
  run.task->stage(number);
  if (auto* mixup = dynamic_cast<InterDomainMixup*>(run.task.get()))
    mixup->set_pairs(step["permutation"], step["lambda"]);
  if (auto* mldg = dynamic_cast<Mldg*>(run.task.get())) mldg->set_order(step["permutation"]);
  run.task->issue();
  run.task->finish(number);
  std::map<std::string, double> meters;
  for (const MeterValue& value : run.task->meters().read(number)) meters[value.name] = value.value;
  return meters;
}

/// Values that an update reports: those that a method measures too.
void expect_values(const json& values, const std::string& algorithm, const json& hparams,
                   const std::map<std::string, double>& meters, double tolerance) {
  const bool matching = algorithm == "CORAL" || algorithm == "MMD";
  for (const auto& [name, value] : values.items()) {
    std::string meter;
    if (name == "loss" || name == "gen_loss") meter = matching ? "train/risk" : "train/loss";
    if (name == "objective" && algorithm != "MLDG") meter = matching ? "train/risk" : "train/loss";
    if (name == "disc_loss") meter = "train/discriminator";
    if (name == "penalty") meter = "train/penalty";
    if (name == "classifier_loss") meter = "train/risk";
    if (name == "grad_penalty" && hparams["grad_penalty"] > 0) meter = "train/gradient_penalty";
    if (algorithm == "IRM" && name == "nll") meter = "train/risk";
    if (algorithm == "VREx" && name == "mean") meter = "train/risk";
    if (!meter.empty()) expect_relative(meters.at(meter), value, tolerance, name, 0.1);
  }
}

class GivenFeatures : public ::testing::TestWithParam<std::string> {
 protected:
  Device device() const { return parse_device(GetParam()); }

  /// An algorithm on features that are its images, and a linear classifier.
  GoldenRun make(const json& j) {
    const std::uint64_t seed = data_["seed"];
    const dim_t width = j["parameters"]["classifier.weight"][1];
    const int classes = j["parameters"]["classifier.weight"][0];
    GoldenRun run;
    run.network = std::make_unique<VectorNetwork>(width, classes, 0, 0, device());
    fill_parameters(*run.network, std::string(j["parameter_prefix"]) + ".", seed);
    std::vector<GivenImages> given;
    for (std::size_t e = 0; e < j["feature_names"].size(); ++e) {
      const std::vector<std::int32_t> labels = j["labels"][e];
      given.push_back({formula_normal(j["feature_names"][e], seed, dim_t(labels.size()) * width), labels});
    }
    run.source = std::make_unique<GivenEnvironments>(std::vector<std::vector<GivenImages>>{given}, Shape{width, 1, 1},
                                                     classes, 0, device());
    for (LabelledBatch environment : run.source->gather().environments)
      run.recorder.wanted.push_back(environment.images.set_requires_grad());
    return run;
  }

  /// Gradient of what the update differentiated to an environment's features. MLDG: of the losses that it trains on.
  std::vector<float> to_features(const GoldenRun& run, std::size_t e, bool every_other) const {
    std::vector<float> total(std::size_t(run.recorder.wanted[e].numel()), 0);
    for (std::size_t i = 0; i < run.recorder.losses_gradients.size(); i += every_other ? 2 : 1) {
      const Tensor& gradient = run.recorder.losses_gradients[i][e];
      if (!gradient.defined()) continue;
      const std::vector<float> values = gradient.to_vector();
      for (std::size_t k = 0; k < values.size(); ++k) total[k] += values[k];
    }
    return total;
  }

  void expect_feature_gradients(const GoldenRun& run, const json& expected, bool every_other) const {
    for (std::size_t e = 0; e < expected.size(); ++e) {
      const std::vector<float> got = to_features(run, e, every_other);
      const std::string what = "gradient to features " + std::to_string(e);
      if (expected[e].is_null() || expected[e].is_number()) {
        const double norm = expected[e].is_null() ? 0 : double(expected[e]);
        expect_relative(norm_of(Tensor::from(got, {dim_t(got.size())})), norm, 1e-4, what, 1e-3);
      } else {
        expect_numbers(got, expected[e], 1e-4, what);
      }
    }
  }

  /// The masks of RSC on a run's features as its classifier is now.
  void expect_masks(const GoldenRun& run, const json& call, double by_feature, double by_sample) const {
    const NoGradGuard no_grad;
    const LabelledBatch all = joined(run.source->gather());
    const Tensor features = flatten(all.images.detach()), targets = one_hot(all.labels, run.network->num_classes());
    const Tensor gradient = matmul(targets, run.network->state().at("classifier.weight").detach());
    const auto probability = [&](const Tensor& x) {
      return sum(softmax(run.network->logits_from_pooled(x, true)) * targets, {1});
    };
    const Tensor muted = muted_features(gradient, by_feature);
    const Tensor drop = probability(features) - probability(features * muted);
    expect_numbers(row_percentile(gradient, 100 * (1 - by_feature)), call["percentile_f"], 1e-4, "percentiles");
    expect_numbers(muted, call["mask_f"], 1e-6, "muted features");
    expect_numbers(drop, call["changes"], 1e-3, "drop of probability");
    expect_numbers(row_percentile(reshape(drop, {1, drop.dim(0)}), 100 * (1 - by_sample)), call["percentile"], 1e-3,
                   "percentile of the drops");
    expect_numbers(1.f + neg(challenged_samples(drop, by_sample)), call["mask_b"], 1e-6, "samples left alone");
  }

  json data_ = golden_json("domainbed_losses.json");
};

TEST_P(GivenFeatures, UpdatesHaveTheValuesAndGradientsOfTheReleasedClasses) {
  for (const json& j : data_["algorithms"]) {
    GoldenRun run = make(j);
    start(run, j, data_["seed"], dim_t(j["updates"].size()));
    for (const json& step : j["updates"]) {
      SCOPED_TRACE(std::string(j["tag"]) + " update " + step["step"].dump());
      const auto meters = update(run, step);
      expect_values(step["returned"], j["algorithm"], j["hparams"], meters, 1e-5);
      if (j["algorithm"] != "MLDG")
        for (const json& call : step["backward_calls"]) expect_values(call, j["algorithm"], j["hparams"], meters, 1e-5);
      expect_feature_gradients(run, step["gradient_to_features"], j["algorithm"] == "MLDG");
      for (const auto& [name, values] : step["gradients"].items())
        expect_numbers(run.recorder.gradients.at(name), values, 1e-4, name);
      for (const auto& [name, norm] : step["gradient_norms"].items())
        expect_relative(norm_of(run.recorder.gradients.at(name)), norm, 1e-4, name, 1e-3);
    }
    const StateDict state = run.state();
    for (const auto& [name, values] : j["after"].items())
      if (state.contains(name)) expect_numbers(state.at(name), values, 1e-4, std::string(j["tag"]) + " " + name);
  }
}

TEST_P(GivenFeatures, SelfChallengingMutesWhatTheReleasedClassMutes) {
  for (const json& j : data_["algorithms"]) {
    if (j["algorithm"] != "RSC") continue;
    GoldenRun run = make(j);
    start(run, j, data_["seed"], dim_t(j["updates"].size()));
    const double by_feature = j["hparams"]["rsc_f_drop_factor"], by_sample = j["hparams"]["rsc_b_drop_factor"];
    for (const json& step : j["updates"]) {
      expect_masks(run, step["backward_calls"][0], by_feature, by_sample);
      update(run, step);
    }
  }
}

TEST_P(GivenFeatures, PenaltiesAloneHaveTheirValuesAndGradients) {
  const std::uint64_t seed = data_["seed"];
  const auto leaf = [&](const std::vector<float>& values, const Shape& shape) {
    Tensor x = Tensor::from(values, shape, device());
    return x.set_requires_grad();
  };
  for (const auto& [name, j] : data_["direct"].items()) {
    if (name == "irm_penalty") {
      const Shape shape = j["shape"];
      const Tensor logits = leaf(formula_normal(j["logits_name"], seed, numel(shape)), shape);
      const Tensor labels = Tensor::from(j["labels"].get<std::vector<std::int32_t>>(), {shape[0]}, device());
      const Tensor penalty = irm_penalty(logits, labels, true);
      expect_relative(penalty.item(), j["value"], 1e-5, name);
      expect_numbers(grad({penalty}, {logits})[0], j["gradient"], 1e-4, name);
    } else if (name == "MMD" || name == "CORAL") {
      const Shape xs = j["x_shape"], ys = j["y_shape"];
      const Tensor x = leaf(formula_normal(j["x_name"], seed, numel(xs)), xs);
      const Tensor y = leaf(formula_normal(j["y_name"], seed, numel(ys), j["y_mean"], j["y_std"]), ys);
      const Tensor distance = name == "MMD" ? mmd_distance(x, y) : coral_distance(x, y);
      expect_relative(distance.item(), j["value"], 1e-5, name);
      const std::vector<Tensor> gradients = grad({distance}, {x, y});
      expect_numbers(gradients[0], j["dx"], 1e-4, name + " dx");
      expect_numbers(gradients[1], j["dy"], 1e-4, name + " dy");
    } else {
      ADD_FAILURE() << "no penalty stands for " << name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Devices, GivenFeatures, ::testing::Values("cpu", "emu"),
                         [](const auto& info) { return info.param; });

/// A run of the trajectories, as a try rounds its inputs: a perceptron on vectors, or the network for digits.
GoldenRun trajectory(const json& j, std::uint64_t seed, int rounding) {
  const Shape input = j["input_shape"];
  const int classes = j["parameters"]["classifier.weight"][0];
  GoldenRun run;
  if (input.size() == 2) {
    run.network = std::make_unique<VectorNetwork>(input[1], classes, j["hparams"]["mlp_width"],
                                                  j["hparams"]["mlp_depth"], Device());
  } else {
    run.network = make_network("digit-cnn", classes, {.image = {int(input[1]), int(input[2]), int(input[3])}});
    run.prefix = "featurizer.";
  }
  fill_parameters(*run.network, std::string(j["parameter_prefix"]) + ".", seed,
                  [&](const std::string& name) { return name.rfind("classifier", 0) == 0 ? name : run.prefix + name; });
  std::vector<std::vector<GivenImages>> steps;
  for (std::size_t step = 0; step < j["steps"].size(); ++step) {
    auto& environments = steps.emplace_back();
    for (std::size_t e = 0; e < j["labels"].size(); ++e) {
      std::string name = j["input_names"];
      name.replace(name.find("STEP"), 4, std::to_string(step));
      name.replace(name.find("ENV"), 3, std::to_string(e));
      const auto values = formula_between(name, seed, numel(input), j["input_range"][0], j["input_range"][1]);
      environments.push_back({rounded(values, name, seed, rounding), j["labels"][e]});
    }
  }
  Shape image(input.begin() + 1, input.end());
  image.resize(3, 1);
  run.source = std::make_unique<GivenEnvironments>(steps, image, classes, 0);
  return run;
}

/// Takes a run's steps, up to the first that leaves `misses`. Returns how many it took.
std::size_t follow(const json& j, std::uint64_t seed, int rounding, const ::testing::TestPartResultArray& misses) {
  GoldenRun run = trajectory(j, seed, rounding);
  const bool cnn = !run.prefix.empty();
  const auto plain = [&](const std::string& name) {
    return name.rfind(run.prefix, 0) == 0 ? name.substr(run.prefix.size()) : name;
  };
  start(run, j, seed, dim_t(j["steps"].size()));
  for (const json& step : j["steps"]) {
    const dim_t number = step["step"];
    SCOPED_TRACE(std::string(j["parameter_prefix"]) + " step " + std::to_string(number));
    // PyTorch's float32 leaves these numbers by up to 8e-5, and with the convolutions by up to 4e-3 at the end.
    const double tolerance = number == 0 ? 1e-4 : cnn ? 4e-3 : 1e-3;
    const auto meters = update(run, step);
    expect_values(step["returned"], j["algorithm"], j["hparams"], meters, tolerance);
    expect_values(step["terms"], j["algorithm"], j["hparams"], meters, tolerance);
    for (const auto& [name, norm] : step["gradient_norms"].items())
      expect_relative(run.recorder.norm_of(plain(name) + (name == "class_embeddings" ? "" : ".")), norm, tolerance,
                      name);
    if (misses.size() > 0) return std::size_t(number) + 1;
  }
  const double tolerance = cnn ? 4e-3 : 1e-3;
  StateDict state;
  for (const auto& [name, tensor] : run.state())
    state[name.rfind(run.prefix + "classifier", 0) == 0 ? plain(name) : name] = tensor;
  for (const auto& [name, values] : j["after"]["first4"].items())
    if (state.contains(name)) expect_numbers(state.at(name), values, tolerance, std::string(j["tag"]) + " " + name);
  for (const auto& [name, norm] : j["after"]["norms"].items())
    if (state.contains(name)) expect_relative(norm_of(state.at(name)), norm, 1e-3, name);
  run.network->eval();
  const NoGradGuard no_grad;
  expect_numbers(run.network->forward(run.source->gather().environments[0].images),
                 j["after"]["logits_env0_last_batch"], 5 * tolerance, std::string(j["tag"]) + " logits");
  return j["steps"].size() + 1;
}

TEST(DomainBedTrajectory, UpdatesFollowTheReleasedClasses) {
  const json data = golden_json("domainbed_trajectory.json");
  for (const json& j : data["runs"])
    expect_a_rounding_follows(
        j["tag"], [&](int rounding, const auto& misses) { return follow(j, data["seed"], rounding, misses); });
}

}  // namespace
}  // namespace engram::testing
