#include "tests/support/data_free_replay.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "models/init.h"
#include "models/nets/make_network.h"
#include "tests/support/golden.h"
#include "tests/support/golden_tensor.h"
#include "tests/support/named_formula.h"

namespace engram::testing {

namespace {

/// The digits of `text` from `at` on, which moves behind them.
std::string digits(const std::string& text, std::size_t& at) {
  const std::size_t begin = at;
  while (at < text.size() && text[at] >= '0' && text[at] <= '9') ++at;
  return text.substr(begin, at - begin);
}

/// Steps over one of these characters.
void skip(const std::string& text, std::size_t& at, const char* characters) {
  if (at < text.size() && std::string(characters).find(text[at]) != std::string::npos) ++at;
}

}  // namespace

std::string arch_in(const std::string& text, const std::string& start) {
  const std::string rest = text.substr(text.find(start));
  // By hand: GCC takes the standard library's expressions for uninitialised under sanitizers.
  for (std::size_t begin = 0; begin < rest.size(); ++begin)
    for (const std::string family : {"ResNet", "resnet", "WRN", "wrn"}) {
      if (rest.compare(begin, family.size(), family) != 0) continue;
      std::size_t at = begin + family.size();
      skip(rest, at, "-");
      const std::string depth = digits(rest, at);
      if (depth.empty()) continue;
      if (family == "ResNet" || family == "resnet") return "resnet" + depth;
      skip(rest, at, "-_");
      return message("wrn-", depth, "-", digits(rest, at));
    }
  throw std::runtime_error("no network in '" + rest + "'");
}

std::unique_ptr<Network> replay_network(const std::string& arch, int num_classes, const std::string& prefix,
                                        std::uint64_t seed) {
  auto network = make_network(arch, num_classes);
  fill_by_formula(*network, prefix + ".", seed);
  return network;
}

void fill_as_constructed(Module& module, const std::string& prefix, std::uint64_t seed) {
  std::map<std::string, Tensor> kept;
  for (const NamedTensor& named : module.named_state())
    if (named.name.find(".running_") != std::string::npos) kept[named.name] = named.tensor.clone();
  fill_by_formula(module, prefix + ".", seed);
  for (const NamedTensor& named : module.named_state())
    if (const auto found = kept.find(named.name); found != kept.end()) copy_into(named.tensor, found->second);
}

Tensor replay_noise(const std::string& name, std::uint64_t seed, const Shape& shape) {
  return Tensor::from(formula_normal(name, seed, numel(shape)), shape);
}

double ReplayLimits::larger(double limit, const std::string& name, std::size_t index) const {
  const auto found = departures_.find(name);
  if (found == departures_.end()) return limit;
  return std::max(limit, factor_ * found->second[std::min(index, found->second.size() - 1)]);
}

double meter(TrainingTask& task, const std::string& name) {
  for (const MeterValue& value : task.meters().read(0))
    if (value.name == name) return value.value;
  throw std::runtime_error("no meter " + name);
}

Normalization replay_normalization(const nlohmann::json& data) {
  if (!data.contains("normalize")) return cifar_normalization();
  return {data["normalize"]["mean"], data["normalize"]["std"]};
}

void expect_norm(const Tensor& x, const nlohmann::json& summary, double tolerance, const std::string& what) {
  ASSERT_EQ(x.numel(), numel(shape_of(summary))) << what;
  double squares = 0;
  for (const float v : x.to_vector()) squares += double(v) * double(v);
  expect_relative(std::sqrt(squares), summary.at("norm"), tolerance, "norm of " + what);
}

void expect_state(const Module& module, const nlohmann::json& summaries, const ReplayLimits& limits,
                  const std::string& prefix, std::size_t round) {
  const StateDict state = module.state();
  for (const auto& [name, summary] : summaries.items()) {
    ASSERT_TRUE(state.contains(name)) << name;
    expect_norm(state.at(name), summary, limits.after(prefix + name, round), prefix + name);
  }
}

void expect_student(Network& student, const nlohmann::json& after, std::uint64_t seed, const ReplayLimits& limits) {
  expect_state(student, after.at("params"), limits, "student.");
  for (const auto& [name, summary] : after.items()) {
    if (!name.starts_with("eval_logits")) continue;
    const Shape shape = {shape_of(summary)[0], student.image().channels, student.image().height, student.image().width};
    const Tensor probe = Tensor::from(formula_between("probe", seed, numel(shape), -1, 1), shape);
    expect_norm(student.logits_inference(probe), summary, limits.after("logits"), name);
  }
}

}  // namespace engram::testing
