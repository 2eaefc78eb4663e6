/// Fishr, EQRM, SagNet, ARM, averages of weights and MIRO against the released classes
/// (tests/golden/newer_losses.json, section "ood").

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <regex>

#include "engine/autograd.h"
#include "engine/ops.h"
#include "models/init.h"
#include "models/methods/ood/fishr_penalty.h"
#include "models/methods/ood/miro_penalty.h"
#include "models/methods/ood/ood_registry.h"
#include "models/methods/ood/risk_quantile.h"
#include "models/methods/ood/row_shuffle.h"
#include "models/methods/ood/sagnet.h"
#include "models/methods/ood/softmax_residual.h"
#include "models/methods/ood/swad.h"
#include "models/nets/context_network.h"
#include "models/nets/make_network.h"
#include "tests/support/expect_error.h"
#include "tests/support/given_environments.h"
#include "tests/support/golden.h"
#include "tests/support/named_formula.h"
#include "tests/support/ood_golden.h"
#include "tests/support/vector_network.h"

namespace engram::testing {
namespace {

using nlohmann::json;

/// "(i (e+1) + e) mod C", "i mod C", "(7 i + 3) mod C" or "1 if (5 i + e) mod 3 == 0 else 0" of image i of environment
/// e.
std::vector<std::int32_t> labels_by_rule(const std::string& rule, std::int32_t classes, std::int32_t e, dim_t count) {
  std::int32_t slope = 1, shift = 0, modulus = classes;
  std::smatch m;
  std::function<std::int32_t(std::int32_t)> label = [](std::int32_t remainder) { return remainder; };
  if (rule == "(i (e+1) + e) mod C") {
    slope = e + 1, shift = e;
  } else if (std::regex_match(rule, m, std::regex("\\((\\d+) i \\+ (\\d+|e)\\) mod C"))) {
    slope = std::stoi(m[1]), shift = m[2] == "e" ? e : std::stoi(m[2]);
  } else if (std::regex_match(rule, m, std::regex("1 if \\((\\d+) i \\+ e\\) mod (\\d+) == (\\d+) else 0"))) {
    slope = std::stoi(m[1]), shift = e, modulus = std::stoi(m[2]);
    label = [chosen = std::stoi(m[3])](std::int32_t remainder) { return std::int32_t(remainder == chosen); };
  } else if (rule != "i mod C") {
    ADD_FAILURE() << "no labels for " << rule;
  }
  std::vector<std::int32_t> result;
  for (std::int32_t i = 0; i < count; ++i) result.push_back(label((slope * i + shift) % modulus));
  return result;
}

class Newer : public ::testing::TestWithParam<std::string> {
 protected:
  Device device() const { return parse_device(GetParam()); }

  /// Runs `check` on every entry whose name begins so.
  template <class Check>
  void each(const std::string& prefix, const Check& check) const {
    for (const json& entry : data_["ood"]) {
      if (entry["id"].get<std::string>().rfind(prefix, 0) != 0) continue;
      SCOPED_TRACE(entry["id"].get<std::string>());
      check(entry);
    }
  }

  Tensor input(const json& j) const {
    const Shape shape = j["shape"];
    Tensor x = Tensor::from(formula_between(j["name"], seed_, numel(shape), j["lo"], j["hi"]), shape, device());
    return j.contains("grad") && j["grad"] == true ? x.set_requires_grad() : x;
  }
  std::vector<float> values(const std::string& name, dim_t count, double low = 0, double high = 1) const {
    return formula_between(name, seed_, count, low, high);
  }
  Tensor parameter(const json& j) const {
    Tensor x = Tensor::empty(j["shape"], DType::kF32, device());
    if (j.contains("lo"))
      copy_into(x, Tensor::from(values(j["name"], x.numel(), j["lo"], j["hi"]), x.shape()));
    else
      fill_parameter(x, j["name"], seed_);
    return x.set_requires_grad();
  }

  /// The labels that a formula of the file gives to image i of environment e.
  static std::vector<std::int32_t> labels(const json& constants, std::int32_t e, dim_t count) {
    return labels_by_rule(constants["labels"], constants.value("classes", 2), e, count);
  }

  /// Norm, first, strided or all values of a tensor.
  static void expect_summary(const Tensor& got, const json& summary, double tolerance, const std::string& what) {
    ASSERT_TRUE(got.defined()) << what;
    const std::vector<float> all = got.to_vector();
    expect_relative(norm_of(got), summary["norm"], tolerance, what + " norm");
    const double floor = double(summary["norm"]) / 1000;
    if (summary.contains("all")) expect_numbers(all, summary["all"], tolerance, what, floor);
    if (summary.contains("first")) expect_numbers(all, summary["first"], tolerance, what, floor);
    if (!summary.contains("strided")) return;
    std::vector<float> strided;
    const std::size_t count = summary["strided"].size();
    for (std::size_t i = 0; i < count; ++i) strided.push_back(all[i * all.size() / count]);
    expect_numbers(strided, summary["strided"], tolerance, what + " strided", floor);
  }

  /// The environments "<...>.e" of an entry, images of whatever shape.
  std::unique_ptr<GivenEnvironments> environments(const json& entry, bool vectors) const {
    std::vector<GivenImages> given;
    Shape image;
    for (std::size_t e = 0; e < entry["inputs"].size(); ++e) {
      const json& j = entry["inputs"][e];
      const Shape shape = j["shape"];
      image.assign(shape.begin() + 1, shape.end());
      given.push_back(
          {values(j["name"], numel(shape), j["lo"], j["hi"]), labels(entry["constants"], std::int32_t(e), shape[0])});
    }
    if (vectors) image.resize(3, 1);
    return std::make_unique<GivenEnvironments>(std::vector<std::vector<GivenImages>>{given}, image,
                                               entry["constants"]["classes"], 0, device());
  }

  /// A linear classifier of an entry's vectors.
  std::unique_ptr<Network> linear_classifier(const json& entry) const {
    const Shape weight = entry["parameters"][0]["shape"];
    auto network = std::make_unique<VectorNetwork>(weight[1], int(weight[0]), 0, 0, device());
    const std::string name = entry["parameters"][0]["name"];
    fill_parameters(*network, name.substr(0, name.find("classifier")), seed_);
    return network;
  }

  json data_ = golden_json("newer_losses.json");
  std::uint64_t seed_ = data_["seed"];
};

TEST_P(Newer, NoEntryIsLeftOut) {
  const std::vector<std::string> known = {
      "fishr.penalty",  "fishr.updates",   "fishr_cmnist.", "eqrm.icdf.", "eqrm.updates", "sagnet.randomize.",
      "sagnet.updates", "arm.context_net", "arm.updates",   "swad.",      "average.",     "miro."};
  for (const json& entry : data_["ood"]) {
    bool found = false;
    for (const std::string& prefix : known) found = found || entry["id"].get<std::string>().rfind(prefix, 0) == 0;
    EXPECT_TRUE(found) << entry["id"];
  }
}

TEST_P(Newer, FishrPenalties) {
  const auto check = [&](const json& entry, GradientMoment moment, bool binary) {
    const Tensor weight = parameter(entry["parameters"][0]), bias = parameter(entry["parameters"][1]);
    std::vector<Tensor> inputs, moments;
    for (std::size_t e = 0; e < entry["inputs"].size(); ++e) {
      inputs.push_back(input(entry["inputs"][e]));
      const dim_t count = inputs[e].dim(0);
      const Tensor logits = class_logits(linear(inputs[e], weight, bias));
      const Tensor y = Tensor::from(labels(entry["constants"], std::int32_t(e), count), {count}, device());
      const Tensor r = softmax_residual(logits, one_hot(y, logits.dim(1)));
      moments.push_back(gradient_moments(binary ? slice(r, 1, 1, 2).contiguous() : r, inputs[e], moment));
    }
    const Tensor penalty = moment_distance(moments, binary);
    expect_relative(penalty.item(), entry["loss"], 1e-5, "penalty");
    for (std::size_t e = 0; e < inputs.size(); ++e) {
      const std::string part = "variance_env" + std::to_string(e);
      if (!entry["parts"].contains(part)) continue;
      const json& expected = entry["parts"][part];
      const dim_t entries =
          moments[e].dim(1) - (moment == GradientMoment::kCovariance ? bias.numel() * bias.numel() : bias.numel());
      expect_summary(slice(moments[e], 1, 0, entries), expected["weight"], 1e-4, part + " weight");
      expect_summary(slice(moments[e], 1, entries, moments[e].dim(1)), expected["bias"], 1e-4, part + " bias");
    }
    std::vector<Tensor> wanted = inputs;
    wanted.insert(wanted.end(), {weight, bias});
    const std::vector<Tensor> gradients = grad({penalty}, wanted);
    for (std::size_t e = 0; e < inputs.size(); ++e)
      expect_summary(gradients[e], entry["grads"][(binary ? "f" : "x") + std::to_string(e)], 1e-4, "inputs");
    expect_summary(gradients[inputs.size()], entry["grads"]["weight"], 1e-4, "weight");
    expect_summary(gradients[inputs.size() + 1], entry["grads"]["bias"], 1e-4, "bias");
  };
  each("fishr.penalty", [&](const json& entry) { check(entry, GradientMoment::kVariance, false); });
  each("fishr_cmnist.", [&](const json& entry) {
    const std::string id = entry["id"];
    check(entry,
          id.ends_with("notcentered")   ? GradientMoment::kSecondMoment
          : id.ends_with("offdiagonal") ? GradientMoment::kCovariance
                                        : GradientMoment::kVariance,
          true);
  });
}

TEST_P(Newer, FishrUpdates) {
  each("fishr.updates", [&](const json& entry) {
    const json& c = entry["constants"];
    const auto network = linear_classifier(entry);
    const auto source = environments(entry, true);
    GradientRecorder recorder;
    for (LabelledBatch environment : source->gather().environments)
      recorder.wanted.push_back(environment.images.set_requires_grad());
    OodOptions options;
    options.schedule.base_lr = c["lr"];
    options.observer = &recorder;
    const json method = {{"name", "fishr"}, {"lambda", c["lambda"]}, {"anneal", c["anneal"]}, {"ema", c["ema"]}};
    const auto task = ood_registry().make(method.dump(), {*network, *source, options});
    for (std::size_t step = 0; step < entry["updates"].size(); ++step) {
      const json& expected = entry["updates"][step];
      recorder.clear();
      const auto meters = run_step(*task, dim_t(step));
      expect_relative(meters.at("train/loss"), expected["loss"], 1e-4, "loss");
      expect_relative(meters.at("train/risk"), expected["nll"], 1e-5, "risk");
      expect_relative(meters.at("train/penalty"), expected["penalty"], 1e-4, "penalty");
      expect_summary(recorder.gradients.at("classifier.weight"), expected["weight_grad"], 1e-4, "weight");
      for (std::size_t e = 0; e < recorder.wanted.size(); ++e)
        expect_relative(norm_of(recorder.losses_gradients[0][e]), expected["x_grad_norms"][e], 1e-4, "features");
    }
    expect_summary(network->state().at("classifier.weight"), entry["parts"]["after"]["weight"], 1e-4, "weight after");
    expect_summary(network->state().at("classifier.bias"), entry["parts"]["after"]["bias"], 1e-4, "bias after");
  });
}

TEST_P(Newer, QuantilesOfRisks) {
  each("eqrm.icdf.", [&](const json& entry) {
    const Tensor risks = input(entry["inputs"][0]);
    const double quantile = entry["constants"]["q"];
    const json& parts = entry["parts"];
    expect_relative(risk_bandwidth(risks).item(), parts["bandwidth"], 1e-5, "bandwidth");
    const Tensor released = risk_quantile(risks, quantile, QuantileGradient::kReleased);
    expect_relative(released.item(), entry["loss"], 1e-5, "quantile");
    expect_numbers(grad({released}, {risks})[0], parts["gradient"], 1e-4, "released gradient");
    if (!parts.contains("implicit_gradient_own")) return;
    const Tensor implicit = risk_quantile(risks, quantile, QuantileGradient::kImplicit);
    expect_relative(implicit.item(), entry["loss"], 1e-5, "quantile");
    expect_numbers(grad({implicit}, {risks})[0], parts["implicit_gradient_own"], 1e-4, "implicit gradient");
  });
}

TEST_P(Newer, EqrmUpdates) {
  each("eqrm.updates", [&](const json& entry) {
    const json& c = entry["constants"];
    const auto network = linear_classifier(entry);
    const auto source = environments(entry, true);
    GradientRecorder recorder;
    for (LabelledBatch environment : source->gather().environments)
      recorder.wanted.push_back(environment.images.set_requires_grad());
    OodOptions options;
    options.schedule.base_lr = c["lr"];
    options.observer = &recorder;
    const json method = {{"name", "eqrm"},
                         {"quantile", c["quantile"]},
                         {"burnin", c["burnin"]},
                         {"lr", c["eqrm_lr"]},
                         {"gradient", "released"}};
    const auto task = ood_registry().make(method.dump(), {*network, *source, options});
    for (std::size_t step = 0; step < entry["updates"].size(); ++step) {
      const json& expected = entry["updates"][step];
      recorder.clear();
      expect_relative(run_step(*task, dim_t(step)).at("train/loss"), expected["loss"], 1e-5, "loss");
      expect_summary(recorder.gradients.at("classifier.weight"), expected["weight_grad"], 1e-4, "weight");
      for (std::size_t e = 0; e < recorder.wanted.size(); ++e)
        expect_relative(norm_of(recorder.losses_gradients[0][e]), expected["x_grad_norms"][e], 1e-4, "features");
    }
    expect_summary(network->state().at("classifier.weight"), entry["parts"]["after"]["weight"], 1e-4, "weight after");
    expect_summary(network->state().at("classifier.bias"), entry["parts"]["after"]["bias"], 1e-4, "bias after");
  });
}

TEST(OodNewer, OrdersOfTooManyImagesAreRefused) {
  EXPECT_EQ(shuffle_room("sagnet", 3, Device()).shape(), Shape({3, 3}));
  EXPECT_ERROR(shuffle_room("sagnet", 50000, Device()), UsageError,
               "[sagnet] expected at most 8192 images a step, got 50000");
}

TEST_P(Newer, StyleAndContentShuffles) {
  each("sagnet.randomize.", [&](const json& entry) {
    const std::string id = entry["id"];
    const Tensor x = input(entry["inputs"][0]), g = input(entry["inputs"][1]);
    const dim_t count = x.dim(0);
    const Tensor shares = Tensor::from(values(id + ".alpha.0", count), {count, 1}, device());
    const std::vector<std::int32_t> order = entry["constants"]["permutation"];
    const Tensor shuffle = Tensor::from(shuffle_matrix(order), {count, count}, device());
    const auto what = id.find(".style") != std::string::npos ? Randomized::kStyle : Randomized::kContent;
    const Tensor out = style_shuffle(x, what, shares, shuffle), scalar = sum(out * g);
    expect_summary(out, entry["parts"]["out"], 1e-4, "out");
    expect_relative(scalar.item(), entry["loss"], 1e-4, "scalar");
    expect_summary(grad({scalar}, {x})[0], entry["grads"]["x"], 1e-4, "gradient");
  });
}

TEST_P(Newer, SagNetUpdates) {
  each("sagnet.updates", [&](const json& entry) {
    const json& c = entry["constants"];
    const auto source = environments(entry, true);
    const std::string id = entry["id"], base = id.substr(0, id.rfind('.'));
    dim_t inputs = 0, width = 0;
    int depth = 2;  // linear layers of the perceptron: the first, the last and those between
    for (const json& j : entry["parameters"]) {
      const std::string name = j["name"];
      if (name.ends_with("network_f.input.weight")) width = j["shape"][0], inputs = j["shape"][1];
      depth += name.find("network_f.hiddens.") != std::string::npos && name.ends_with("weight");
    }
    VectorNetwork network(inputs, c["classes"], width, depth, device());
    fill_parameters(network, base + ".", seed_, [](const std::string& name) {
      return name.rfind("featurizer", 0) == 0 ? "network_f" + name.substr(10) : "network_c" + name.substr(10);
    });
    GradientRecorder recorder;
    OodOptions options;
    options.schedule.base_lr = c["lr"];
    options.observer = &recorder;
    const json method = {{"name", "sagnet"}, {"adversary", c["sag_w_adv"]}};
    const auto task = ood_registry().make(method.dump(), {network, *source, options});
    auto& sagnet = dynamic_cast<SagNet&>(*task);
    fill_parameters(sagnet.style_head(), base + ".network_s.", seed_);
    for (const NamedTensor& entry_ : network.named_parameters()) recorder.wanted.push_back(entry_.tensor);
    const std::size_t above = recorder.wanted.size() - 2, style = recorder.wanted.size();
    for (const Tensor& tensor : sagnet.style_head().parameters()) recorder.wanted.push_back(tensor);
    const auto norm_between = [&](std::size_t pass, std::size_t begin, std::size_t end) {
      double total = 0;
      for (std::size_t i = begin; i < end; ++i) total += std::pow(norm_of(recorder.losses_gradients[pass].at(i)), 2);
      return std::sqrt(total);
    };

    const json& updates = entry["updates"];
    for (std::size_t k = 0; k + 2 < updates.size(); k += 3) {
      recorder.clear();
      task->stage(dim_t(k / 3));
      for (std::size_t pass = 0; pass < 3; ++pass) {
        const std::vector<std::int32_t> order = c["permutations"][k + pass];
        sagnet.set_draws(int(pass), values(base + ".alpha." + std::to_string(k + pass), dim_t(order.size())), order);
      }
      task->issue();
      const MeterValues meters = task->meters().read(0);
      for (std::size_t pass = 0; pass < 3; ++pass)
        expect_relative(meters[pass].value, updates[k + pass]["value"], 1e-4, updates[k + pass]["loss"]);
      // Only what the update uses: the others' gradients in the file are left over from earlier passes.
      expect_relative(norm_between(0, 0, above), updates[k]["grad_norms"]["network_f"], 1e-4, "content to features");
      expect_relative(norm_between(0, above, style), updates[k]["grad_norms"]["network_c"], 1e-4, "content to head");
      expect_relative(norm_between(1, style, recorder.wanted.size()), updates[k + 1]["grad_norms"]["network_s"], 1e-4,
                      "style");
      expect_relative(norm_between(2, 0, above), updates[k + 2]["grad_norms"]["network_f"], 1e-3, "adversary");
    }
    const json& after = entry["parts"]["after"];
    for (const auto& [name, summary] : after["network_f"].items())
      expect_summary(network.state().at("featurizer." + name), summary, 1e-3, name);
    for (const auto& [name, summary] : after["network_c"].items())
      expect_summary(network.state().at("classifier." + name), summary, 1e-3, name);
    for (const auto& [name, summary] : after["network_s"].items())
      expect_summary(sagnet.style_head().state().at(name), summary, 1e-3, name);
  });
}

TEST_P(Newer, ContextNetworks) {
  each("arm.context_net", [&](const json& entry) {
    const Tensor x = input(entry["inputs"][0]), g = input(entry["inputs"][1]);
    ContextNet net(x.dim(1), device());
    const std::string first = entry["modules"][0]["name"], prefix = first.substr(0, first.find("context_net."));
    fill_parameters(net, prefix, seed_);
    EXPECT_EQ(net.num_parameters(), entry["parts"]["parameters"]);
    PlainExecutor executor;
    const Tensor out = net.forward(executor, x), scalar = sum(out.contiguous() * g);
    expect_summary(out, entry["parts"]["out"], 1e-4, "out");
    expect_relative(scalar.item(), entry["loss"], 1e-4, "scalar");
    std::vector<Tensor> wanted = {x};
    for (const json& module : entry["modules"])
      wanted.push_back(net.state().at(module["name"].get<std::string>().substr(prefix.size())));
    const std::vector<Tensor> gradients = grad({scalar}, wanted);
    expect_summary(gradients[0], entry["grads"]["x"], 1e-4, "images");
    const double largest = entry["modules"].back()["grad"]["norm"];
    for (std::size_t i = 1; i < gradients.size(); ++i) {
      const json& module = entry["modules"][i - 1];
      // Biases before a batch normalisation have no gradient but rounding.
      expect_relative(norm_of(gradients[i]), module["grad"]["norm"], 1e-4, module["name"], largest);
    }
  });
}

/// Of the tests on the emulated device all but this: its network is too large for it.
TEST(NewerOnTheHost, ArmUpdates) {
  const json data = golden_json("newer_losses.json");
  const std::uint64_t seed = data["seed"];
  for (const json& entry : data["ood"]) {
    if (!entry["id"].get<std::string>().starts_with("arm.updates")) continue;
    const json& c = entry["constants"];
    std::vector<GivenImages> given;
    for (std::size_t e = 0; e < entry["inputs"].size(); ++e) {
      const json& j = entry["inputs"][e];
      const Shape shape = j["shape"];
      given.push_back({formula_between(j["name"], seed, numel(shape), j["lo"], j["hi"]),
                       labels_by_rule(c["labels"], c["classes"], std::int32_t(e), shape[0])});
    }
    const Shape shape = entry["inputs"][0]["shape"];
    GivenEnvironments source({given}, {shape[1], shape[2], shape[3]}, c["classes"], 0);
    const auto network = make_network(ood_network("arm", "digit-cnn", 0, c["support"]), c["classes"],
                                      {.image = {int(shape[1]), int(shape[2]), int(shape[3])}});
    fill_parameters(*network, "arm.", seed, [](const std::string& name) {
      if (name.rfind("body.classifier", 0) == 0) return name.substr(5);
      return name.rfind("body.", 0) == 0 ? "featurizer." + name.substr(5) : name;
    });
    const StateDict before = network->state();
    const std::vector<float> context = before.at("context_net.context_net.0.weight").to_vector();
    GradientRecorder recorder;
    for (const NamedTensor& parameter : network->named_parameters()) recorder.wanted.push_back(parameter.tensor);
    OodOptions options;
    options.schedule.base_lr = c["lr"];
    options.observer = &recorder;
    const auto task = ood_registry().make(R"({"name": "arm", "train_context": false})", {*network, source, options});
    // The released optimiser does not know the context's network, so that nothing clears its gradients: they add up.
    std::vector<Tensor> sums(recorder.wanted.size());
    const auto norm_of_part = [&](const std::string& prefix) {
      double total = 0;
      const auto parameters = network->named_parameters();
      for (std::size_t i = 0; i < parameters.size(); ++i) {
        const std::string& name = parameters[i].name;
        const bool classifier = name.rfind("body.classifier", 0) == 0;
        const bool in = prefix == "classifier"   ? classifier
                        : prefix == "featurizer" ? name.rfind("body.", 0) == 0 && !classifier
                                                 : name.rfind("context_net", 0) == 0;
        const Tensor& gradient = prefix == "context_net" ? sums[i] : recorder.losses_gradients[0][i];
        if (in) total += std::pow(norm_of(gradient), 2);
      }
      return std::sqrt(total);
    };
    for (std::size_t step = 0; step < entry["updates"].size(); ++step) {
      const json& expected = entry["updates"][step];
      recorder.clear();
      const double tolerance = step == 0 ? 1e-4 : 1e-3;
      expect_relative(run_step(*task, dim_t(step)).at("train/loss"), expected["loss"], tolerance, "loss");
      for (std::size_t i = 0; i < sums.size(); ++i) {
        const Tensor& gradient = recorder.losses_gradients[0][i];
        sums[i] = sums[i].defined() ? sums[i].contiguous() + gradient.contiguous() : gradient;
      }
      for (const auto& [name, norm] : expected["grad_norms"].items())
        expect_relative(norm_of_part(name), norm, tolerance, name);
    }
    EXPECT_EQ(before.at("context_net.context_net.0.weight").to_vector(), context);
    network->eval();
    const NoGradGuard no_grad;
    const auto batch = source.gather();
    const Tensor both = joined(batch).images;
    for (const auto& [name, logits] : entry["parts"]["logits"].items()) {
      const dim_t count = dim_t(logits.size()) / network->num_classes();
      expect_numbers(network->forward(slice(both, 0, 0, count)), logits, 3e-3, name);
    }
  }
}

TEST_P(Newer, SwadTakesTheSegmentsThatTheReleasedClassTakes) {
  each("swad.", [&](const json& entry) {
    if (entry["id"].get<std::string>().starts_with("swad.iidmax")) return;
    const json &c = entry["constants"], &parts = entry["parts"];
    WeightAverageOptions options;
    options.kind = "swad";
    options.converge = c["n_converge"];
    options.tolerance = c["n_tolerance"];
    options.tolerance_ratio = c["tolerance_ratio"];
    options.released = true;
    const dim_t interval = c["checkpoint_freq"], count = dim_t(parts["v"].size());
    Tensor v = Tensor::zeros({count}, device());
    Swad swad({v}, options);
    const json& losses = c["validation_losses"];
    for (dim_t step = 0; step <= interval * dim_t(losses.size() - 1); ++step) {
      const std::string name = entry["id"].get<std::string>() + ".v." + std::to_string(step);
      copy_into(v, Tensor::from(values(name, count, -1, 1), {count}));
      swad.update(step);
      if (step % interval == 0) swad.validated(step, losses[std::size_t(step / interval)], 0);
    }
    EXPECT_EQ(swad.converged_at() < 0, parts["converge_step"].is_null());
    EXPECT_EQ(swad.is_final(), !parts["dead_at_step"].is_null());
    const std::vector<std::int64_t> counts = swad.counts();
    for (std::size_t i = 0; i < parts["count_of_segment"].size(); ++i) {
      const int expected = parts["count_of_segment"][i];
      if (i >= counts.size()) {
        EXPECT_EQ(expected, 0) << "segment " << i << " after the end";
        continue;
      }
      // Of a run without a valley the file counts the steps of the last segment.
      EXPECT_EQ(counts[i], swad.converged_at() < 0 ? expected > 0 : expected) << "segment " << i;
    }
    if (swad.converged_at() >= 0) {
      EXPECT_EQ(swad.converged_at() * interval, parts["converge_step"]);
      expect_relative(swad.threshold(), parts["threshold"], 1e-12, "threshold");
    }
    expect_numbers(swad.values()[0], parts["v"], 1e-5, "average");
  });
}

TEST_P(Newer, SwadTakesEachSegmentOfTheValleyOnceByDefault) {
  each("swad.", [&](const json& entry) {
    if (entry["id"].get<std::string>().starts_with("swad.iidmax")) return;
    const json& c = entry["constants"];
    WeightAverageOptions options;
    options.kind = "swad";
    options.converge = c["n_converge"];
    options.tolerance = c["n_tolerance"];
    options.tolerance_ratio = c["tolerance_ratio"];
    const Tensor v = Tensor::zeros({1}, device());
    Swad swad({v}, options);
    const std::vector<double> losses = c["validation_losses"];
    for (std::size_t i = 0; i < losses.size(); ++i) {
      copy_into(v, Tensor::full({1}, float(i)));
      swad.update(dim_t(i));
      swad.validated(dim_t(i), losses[i], 0);
    }
    if (swad.converged_at() < 0) return;
    const std::vector<std::int64_t> counts = swad.counts();
    double total = 0, entered = 0;
    bool began = false, ended = false;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      EXPECT_LE(counts[i], 1);
      EXPECT_FALSE(ended && counts[i] == 1) << "segment " << i << " comes after the end";
      if (counts[i] == 1 && !began) {
        EXPECT_EQ(std::int64_t(i), swad.converged_at());
      }
      began = began || counts[i] == 1;
      ended = began && counts[i] == 0;
      total += double(i) * double(counts[i]), entered += double(counts[i]);
    }
    EXPECT_NEAR(swad.values()[0].item(), total / entered, 1e-4);
  });
}

TEST_P(Newer, OtherAveragesHaveTheSharesOfTheReleasedOnes) {
  const auto follow = [&](const json& entry, const std::string& stem, const WeightAverageOptions& options,
                          const auto& after_step) {
    const dim_t count = dim_t(entry["parts"]["v"].size());
    const Tensor v = Tensor::zeros({count}, device());
    const auto average = make_weight_average(options, {v});
    for (std::size_t step = 0; step < entry["parts"]["share_of_step"].size(); ++step) {
      copy_into(v, Tensor::from(values(stem + ".v." + std::to_string(step), count, -1, 1), {count}));
      average->update(dim_t(step));
      after_step(*average, dim_t(step));
    }
    expect_numbers(average->values()[0], entry["parts"]["v"], 1e-5, "average");
  };
  const auto nothing = [](WeightAverage&, dim_t) {};
  each("average.", [&](const json& entry) {
    const std::string id = entry["id"];
    WeightAverageOptions options;
    if (id.starts_with("average.swa") || id.starts_with("average.erm_plus_plus")) {
      options.kind = "uniform";
      while (entry["parts"]["share_of_step"][std::size_t(options.first_step)] == 0.0) ++options.first_step;
    } else if (id.starts_with("average.ema")) {
      const json& shares = entry["parts"]["share_of_step"];
      options.kind = "ema";
      options.decay = 1 - double(shares.back());
    } else {
      EXPECT_TRUE(id.starts_with("average.update_bn")) << id;
      return;
    }
    follow(entry, "average", options, nothing);
  });
  each("swad.iidmax", [&](const json& entry) {
    const json& c = entry["constants"];
    WeightAverageOptions options;
    options.kind = "best";
    follow(entry, entry["id"], options, [&](WeightAverage& average, dim_t step) {
      const dim_t interval = c["checkpoint_freq"];
      if (step % interval != 0) return;
      average.validated(step, 0, c["validation_accuracy"][std::size_t(step / interval)]);
      EXPECT_TRUE(average.wants_average_accuracy());
      average.average_validated(c["averaged_model_accuracy"][std::size_t(step / interval)]);
    });
  });
}

/// Linear layer and batch normalisation, under the names of a sequence.
class NormedNetwork : public Network {
 public:
  NormedNetwork(const Shape& weight, Device device)
      : Network({"normed", int(weight[0]), {int(weight[1]), 1, 1}}, {}, device),
        linear_(weight[1], weight[0], device),
        bn_(weight[0], device) {
    register_child("0", linear_);
    register_child("1", bn_);
  }

 protected:
  Tensor stage(Executor&, int, const Tensor& x, PreActivation*) override { return x; }
  Tensor neck(Executor& executor, const Tensor& x) override {
    const Tensor h = linear_.forward(flatten(x));
    return executor.bn(bn_, reshape(h, {h.dim(0), h.dim(1), 1, 1}), Activation::kNone);
  }
  Tensor classify(const Tensor& pooled, bool) override { return pooled; }

 private:
  Linear linear_;
  BatchNorm2d bn_;
};

TEST_P(Newer, StatisticsOfAveragedWeightsAreMeansOverBatches) {
  each("average.update_bn", [&](const json& entry) {
    NormedNetwork network(entry["parameters"][0]["shape"], device());
    fill_parameters(network, "update_bn.", seed_);
    std::vector<std::vector<GivenImages>> steps;
    for (const json& j : entry["inputs"]) {
      const Shape shape = j["shape"];
      steps.push_back(
          {{values(j["name"], numel(shape), j["lo"], j["hi"]), std::vector<std::int32_t>(std::size_t(shape[0]), 0)}});
    }
    GivenEnvironments source(steps, {entry["inputs"][0]["shape"][1], 1, 1}, network.num_classes(), 0, device());
    update_statistics(network, source, 0, dim_t(steps.size()));
    expect_numbers(network.state().at("1.running_mean"), entry["parts"]["running_mean"], 1e-5, "mean");
    expect_numbers(network.state().at("1.running_var"), entry["parts"]["running_var"], 1e-5, "variance");
  });
}

TEST_P(Newer, MiroPenalties) {
  each("miro.", [&](const json& entry) {
    const json& c = entry["constants"];
    std::map<std::string, Tensor> inputs, parameters;
    for (const json& j : entry["inputs"]) inputs[j["symbol"]] = input(j);
    for (const json& j : entry["parameters"]) parameters[j["name"]] = parameter(j);
    std::vector<Tensor> penalties, b;
    for (std::size_t layer = 0; inputs.contains("f" + std::to_string(layer)); ++layer) {
      const std::string number = std::to_string(layer);
      b.push_back(parameters.at("miro.b." + number));
      penalties.push_back(miro_penalty(inputs.at("f" + number), inputs.at("p" + number), b.back(), c["eps"]));
    }
    const Tensor feat = inputs.at("feat");
    const dim_t count = feat.dim(0);
    const Tensor y = Tensor::from(labels(c, 0, count), {count}, device());
    const Tensor logits = linear(feat, parameters.at("miro.classifier.weight"), parameters.at("miro.classifier.bias"));
    const Tensor penalty = sum_of(penalties), loss = softmax_cross_entropy(logits, y) + float(c["ld"]) * penalty;
    expect_relative(penalty.item(), entry["parts"]["reg_loss"], 1e-5, "penalty");
    expect_relative(loss.item(), entry["loss"], 1e-5, "loss");
    expect_relative(miro_start(c["eps"]), entry["parts"]["initial_b"], 1e-6, "first b");
    std::vector<Tensor> wanted = {feat};
    for (std::size_t layer = 0; layer < b.size(); ++layer) {
      wanted.push_back(inputs.at("f" + std::to_string(layer)));
      wanted.push_back(b[layer]);
    }
    const std::vector<Tensor> gradients = grad({loss}, wanted);
    expect_summary(gradients[0], entry["grads"]["feat"], 1e-4, "pooled features");
    std::vector<NamedTensor> named;
    std::vector<Tensor> to_b;
    for (std::size_t layer = 0; layer < b.size(); ++layer) {
      const std::string number = std::to_string(layer);
      expect_summary(gradients[1 + 2 * layer], entry["grads"]["f" + number], 1e-4, "map " + number);
      expect_summary(gradients[2 + 2 * layer], entry["grads"]["b" + number], 1e-4, "b " + number);
      named.push_back({"b" + number, b[layer]});
      to_b.push_back(gradients[2 + 2 * layer]);
    }
    Optimizer(named, adam_options()).step(to_b, float(double(c["lr"]) * double(c["lr_mult"])));
    for (std::size_t layer = 0; layer < b.size(); ++layer)
      expect_summary(b[layer], entry["parts"]["after_b"][layer], 1e-5, "b after its step");
  });
}

INSTANTIATE_TEST_SUITE_P(Devices, Newer, ::testing::Values("cpu", "emu"), [](const auto& info) { return info.param; });

}  // namespace
}  // namespace engram::testing
