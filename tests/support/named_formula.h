#pragma once
/// Parameters that follow from their names (tests/golden/README.md), so that reference results need no weight files.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <string>
#include <vector>

#include "models/module.h"

namespace engram::testing {

/// `count` numbers in [0, 1) that depend on `name` and `seed` only: splitmix64 from FNV-1a of the name.
inline std::vector<double> formula_uniform(const std::string& name, std::uint64_t seed, dim_t count) {
  std::uint64_t base = 0xcbf29ce484222325u;
  for (const char c : name) base = (base ^ std::uint8_t(c)) * 0x100000001b3u;
  base ^= seed;
  std::vector<double> values;
  values.reserve(std::size_t(count));
  for (std::uint64_t i = 1; i <= std::uint64_t(count); ++i) {
    std::uint64_t t = base + i * 0x9e3779b97f4a7c15u;
    t = (t ^ (t >> 30)) * 0xbf58476d1ce4e5b9u;
    t = (t ^ (t >> 27)) * 0x94d049bb133111ebu;
    t ^= t >> 31;
    values.push_back(double(t >> 40) * 0x1p-24);
  }
  return values;
}

/// The same numbers in [low, high), computed in double and rounded once.
inline std::vector<float> formula_between(const std::string& name, std::uint64_t seed, dim_t count, double low,
                                          double high) {
  std::vector<float> values;
  for (const double u : formula_uniform(name, seed, count)) values.push_back(float(low + (high - low) * u));
  return values;
}

/// Sums of twelve such numbers less 6: about normal.
inline std::vector<float> formula_normal(const std::string& name, std::uint64_t seed, dim_t count, double mean = 0,
                                         double deviation = 1) {
  const std::vector<double> u = formula_uniform(name, seed, 12 * count);
  std::vector<float> values;
  for (dim_t i = 0; i < count; ++i) {
    double total = 0;
    for (dim_t k = 0; k < 12; ++k) total += u[std::size_t(12 * i + k)];
    values.push_back(float(mean + deviation * (total - 6)));
  }
  return values;
}

/// The stable order that sorts `count` such numbers.
inline std::vector<dim_t> formula_permutation(const std::string& name, std::uint64_t seed, dim_t count) {
  const std::vector<double> u = formula_uniform(name, seed, count);
  std::vector<dim_t> order(u.size());
  std::iota(order.begin(), order.end(), dim_t(0));
  std::stable_sort(order.begin(), order.end(), [&](dim_t a, dim_t b) { return u[std::size_t(a)] < u[std::size_t(b)]; });
  return order;
}

/// The range of a tensor's values in a state dictionary, by its name and what is beside it.
inline std::pair<double, double> formula_range(const StateDict& state, const std::string& name, const Shape& shape) {
  const auto dot = name.rfind('.');
  const std::string owner = name.substr(0, dot), field = name.substr(dot + 1);
  if (field == "running_mean") return {-0.2, 0.2};
  if (field == "running_var") return {0.5, 1.5};
  if (state.contains(owner + ".running_var")) return field == "weight" ? std::pair(0.8, 1.2) : std::pair(-0.1, 0.1);
  if (field == "bias") return {-0.05, 0.05};
  dim_t fan_in = 1;
  for (std::size_t axis = 1; axis < shape.size(); ++axis) fan_in *= shape[axis];
  const double high = std::sqrt(3.0 / double(fan_in));
  return {-high, high};
}

/// Fills every parameter and buffer of `module` by the formula, from its full name with `prefix`.
inline void fill_by_formula(const Module& module, const std::string& prefix, std::uint64_t seed) {
  const StateDict state = module.state();
  for (const auto& [name, tensor] : state) {
    const auto [low, high] = formula_range(state, name, tensor.shape());
    const std::vector<float> values = formula_between(prefix + name, seed, tensor.numel(), low, high);
    std::copy(values.begin(), values.end(), tensor.data<float>());
    tensor.bump_version();
  }
}

}  // namespace engram::testing
