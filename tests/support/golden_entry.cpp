#include "tests/support/golden_entry.h"

#include <gtest/gtest.h>

#include <cmath>

#include "engine/autograd.h"
#include "tests/support/golden.h"
#include "tests/support/named_formula.h"
#include "tests/support/roundings.h"

namespace engram::testing {
namespace {

std::vector<double> numbers(const nlohmann::json& value) {
  std::vector<double> list;
  if (value.is_number()) list.push_back(value);
  if (value.is_array())
    for (const auto& element : value)
      for (const double number : numbers(element)) list.push_back(number);
  return list;
}

double norm_of(const std::vector<float>& values) {
  double total = 0;
  for (const float value : values) total += double(value) * value;
  return std::sqrt(total);
}

}  // namespace

GoldenEntry::GoldenEntry(const nlohmann::json& entry, std::uint64_t seed, const Device& device, int rounding)
    : entry_(entry), seed_(seed), device_(device) {
  if (!entry.contains("inputs")) return;
  for (const auto& input : entry["inputs"]) {
    if (!input.contains("shape")) continue;
    const std::string name = input["name"];
    const Shape shape = input["shape"];
    const std::vector<float> values = formula_between(name, seed, numel(shape), input["lo"], input["hi"]);
    Tensor tensor = Tensor::from(rounded(values, name, seed, rounding), shape, device_);
    if (input.value("grad", false)) tensor.set_requires_grad();
    inputs_[input.value("symbol", name)] = tensor;
  }
}

Tensor GoldenEntry::input(const std::string& symbol) {
  const auto found = inputs_.find(symbol);
  if (found == inputs_.end()) throw std::runtime_error(id() + " has no input " + symbol);
  return found->second;
}

bool GoldenEntry::has_input(const std::string& symbol) const {
  return inputs_.contains(symbol);
}

Tensor GoldenEntry::literal_input(const std::string& symbol, const nlohmann::json& values) {
  const auto list = values.get<std::vector<float>>();
  Tensor row = Tensor::from(list, {1, dim_t(list.size())}, device_);
  return inputs_[symbol] = row.set_requires_grad();
}

Tensor GoldenEntry::formula(const std::string& name, const Shape& shape, double low, double high) const {
  dim_t count = 1;
  for (const dim_t extent : shape) count *= extent;
  return Tensor::from(formula_between(name, seed_, count, low, high), shape, device_);
}

Tensor GoldenEntry::labels(const nlohmann::json& list) const {
  const auto values = list.get<std::vector<std::int32_t>>();
  return Tensor::from(values, {dim_t(values.size())}, device_);
}

void GoldenEntry::fill(Module& module, const Rename& rename, const Ranges& ranges) {
  module.load_state(formula_state(module, seed_, rename, ranges));
  for (const NamedTensor& parameter : module.named_parameters()) parameters_[rename(parameter.name)] = parameter.tensor;
}

void GoldenEntry::expect_gradient(const std::string& what, const Tensor& gradient, const nlohmann::json& summary,
                                  double tolerance, double floor) const {
  if (summary.is_string()) {  // NaN in the released code, where ours is 0
    for (const float value : gradient.to_vector()) EXPECT_EQ(value, 0) << id() << " " << what;
    return;
  }
  expect_summary(gradient, summary, seed_, tolerance, id() + " gradient of " + what, floor);
}

void GoldenEntry::expect_parts(double tolerance) const {
  if (!entry_.contains("parts")) return;
  for (const auto& [name, value] : entry_["parts"].items()) {
    if (skipped_.contains(name)) continue;
    if (const auto tensor = part_tensors_.find(name); tensor != part_tensors_.end()) {
      expect_summary(tensor->second, value, seed_, tolerance, id() + " part " + name);
      continue;
    }
    const auto found = parts_.find(name);
    ASSERT_TRUE(found != parts_.end()) << id() << ": no part " << name;
    const std::vector<double> expected = numbers(value);
    ASSERT_LE(expected.size(), found->second.size()) << id() << " " << name;
    double largest = 0;
    for (const double number : expected) largest = std::max(largest, std::abs(number));
    for (std::size_t i = 0; i < expected.size(); ++i)
      expect_relative(found->second[i], expected[i], tolerance, id() + " part " + name + " " + std::to_string(i),
                      largest);
  }
}

void GoldenEntry::expect_loss(const Tensor& loss, double tolerance, double gradient_tolerance, double scale) {
  expect_relative(loss.item(), entry_["loss"], tolerance, id() + " loss", scale);

  std::vector<std::string> names;
  std::vector<Tensor> leaves;
  for (const auto& [name, tensor] : inputs_)
    if (tensor.requires_grad()) {
      names.push_back(name);
      leaves.push_back(tensor);
    }
  const std::size_t num_inputs = leaves.size();
  for (const auto& [name, tensor] : parameters_) {
    names.push_back(name);
    leaves.push_back(tensor);
  }
  if (leaves.empty()) return;
  const std::vector<Tensor> gradients = grad({loss}, leaves, {.allow_unused = true});
  std::map<std::string, Tensor> by_name;
  double largest = 0;
  for (std::size_t i = 0; i < leaves.size(); ++i) {
    by_name[names[i]] = gradients[i];
    if (i >= num_inputs && gradients[i].defined()) largest = std::max(largest, norm_of(gradients[i].to_vector()));
  }
  if (entry_.contains("grads"))
    for (const auto& [name, summary] : entry_["grads"].items()) {
      const Tensor& gradient = by_name[name];
      ASSERT_TRUE(gradient.defined()) << id() << ": no gradient of " << name;
      expect_gradient(name, gradient, summary, gradient_tolerance, 0);
    }
  if (entry_.contains("modules"))
    for (const auto& listed : entry_["modules"]) {
      const std::string name = listed["name"];
      const Tensor& gradient = by_name[name];
      ASSERT_TRUE(gradient.defined()) << id() << ": no gradient of " << name;
      EXPECT_EQ(gradient.shape(), listed["shape"].get<Shape>()) << id() << " " << name;
      // A bias in front of a batch normalisation has gradient 0 but for rounding.
      expect_gradient(name, gradient, listed["grad"], gradient_tolerance, 0.05 * largest);
    }
}

void expect_summary(const Tensor& got, const nlohmann::json& summary, std::uint64_t seed, double tolerance,
                    const std::string& what, double floor) {
  const std::vector<float> values = got.to_vector();
  const dim_t count = dim_t(values.size());
  const double norm = norm_of(values);
  double largest = floor / std::sqrt(double(count));
  for (const float value : values) {
    ASSERT_TRUE(std::isfinite(value)) << what;
    largest = std::max(largest, double(std::abs(value)));
  }
  if (summary.contains("norm")) expect_relative(norm, summary["norm"], tolerance, what + ", norm", floor);
  if (summary.contains("probe")) {
    const std::vector<float> probe = formula_between("probe", seed, count, -1, 1);
    double dot = 0;
    for (std::size_t i = 0; i < values.size(); ++i) dot += double(values[i]) * probe[i];
    expect_relative(dot, summary["probe"], tolerance, what + ", probe", std::max(norm, floor));
  }
  const auto samples = [&](const char* key, bool strided) {
    if (!summary.contains(key)) return;
    const auto& list = summary[key];
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::size_t at = strided ? i * values.size() / list.size() : i;
      expect_relative(values.at(at), list[i], tolerance, what + ", " + key + " " + std::to_string(i), largest);
    }
  };
  samples("first", false);
  samples("strided", true);
  samples("all", false);
}

StateDict formula_state(const Module& module, std::uint64_t seed, const GoldenEntry::Rename& rename,
                        const GoldenEntry::Ranges& ranges) {
  const StateDict own = module.state();
  StateDict filled;
  for (const auto& [name, tensor] : own) {
    const auto range = ranges.find(rename(name));
    const auto [low, high] = range != ranges.end() ? range->second : formula_range(own, name, tensor.shape());
    filled[name] = Tensor::from(formula_between(rename(name), seed, tensor.numel(), low, high), tensor.shape());
  }
  return filled;
}

}  // namespace engram::testing
