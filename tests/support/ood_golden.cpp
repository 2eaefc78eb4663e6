#include "tests/support/ood_golden.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "engine/autograd.h"
#include "models/init.h"
#include "tests/support/named_formula.h"

namespace engram::testing {

std::vector<double> numbers_of(const nlohmann::json& list) {
  if (!list.is_array()) return {list.get<double>()};
  std::vector<double> numbers;
  for (const auto& entry : list)
    for (const double number : numbers_of(entry)) numbers.push_back(number);
  return numbers;
}

void expect_numbers(const std::vector<float>& got, const nlohmann::json& expected_list, double tolerance,
                    const std::string& what, double floor) {
  const std::vector<double> expected = numbers_of(expected_list);
  ASSERT_GE(got.size(), expected.size()) << what;
  double largest = 0;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < expected.size(); ++i)
    EXPECT_LE(std::abs(double(got[i]) - expected[i]),
              tolerance * std::max({std::abs(expected[i]), largest / 1000, floor}))
        << what << " " << i << ": got " << got[i] << ", expected " << expected[i];
}

void expect_numbers(const Tensor& got, const nlohmann::json& expected, double tolerance, const std::string& what,
                    double floor) {
  ASSERT_TRUE(got.defined()) << what;
  expect_numbers(got.to_vector(), expected, tolerance, what, floor);
}

void GradientRecorder::on_loss(const Tensor& loss) {
  losses_gradients.push_back(grad({loss}, wanted, {.retain_graph = true, .allow_unused = true}));
}

void GradientRecorder::on_gradients(const std::vector<NamedTensor>& parameters, const std::vector<Tensor>& now) {
  for (std::size_t i = 0; i < parameters.size(); ++i) gradients[parameters[i].name] = now[i];
}

void fill_parameter(const Tensor& tensor, const std::string& name, std::uint64_t seed, bool of_norm) {
  const std::string field = name.substr(name.rfind('.') + 1);
  double low, high;
  if (field == "running_mean") {
    low = -0.2, high = 0.2;
  } else if (field == "running_var") {
    low = 0.5, high = 1.5;
  } else if (of_norm) {
    low = field == "weight" ? 0.8 : -0.1, high = field == "weight" ? 1.2 : 0.1;
  } else if (field == "bias") {
    low = -0.05, high = 0.05;
  } else {
    high = std::sqrt(3.0 / double(tensor.numel() / tensor.dim(0)));
    low = -high;
  }
  copy_into(tensor, Tensor::from(formula_between(name, seed, tensor.numel(), low, high), tensor.shape()));
}

void fill_parameters(const Module& module, const std::string& prefix, std::uint64_t seed,
                     const std::function<std::string(const std::string&)>& renamed) {
  const StateDict state = module.state();
  for (const auto& [name, tensor] : state) {
    const auto weight = state.find(name.substr(0, name.rfind('.')) + ".weight");
    const bool of_norm = weight != state.end() && weight->second.rank() == 1;
    fill_parameter(tensor, prefix + (renamed ? renamed(name) : name), seed, of_norm);
  }
}

double norm_of(const Tensor& x) {
  double total = 0;
  for (const float value : x.to_vector()) total += double(value) * double(value);
  return std::sqrt(total);
}

double GradientRecorder::norm_of(const std::string& prefix) const {
  double total = 0;
  for (const auto& [name, gradient] : gradients)
    if (name.rfind(prefix, 0) == 0 && gradient.defined()) total += std::pow(testing::norm_of(gradient), 2);
  return std::sqrt(total);
}

std::map<std::string, double> run_step(TrainingTask& task, dim_t step) {
  task.stage(step);
  task.issue();
  task.finish(step);
  std::map<std::string, double> values;
  for (const MeterValue& value : task.meters().read(step)) values[value.name] = value.value;
  return values;
}

}  // namespace engram::testing
