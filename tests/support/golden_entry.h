#pragma once
/// One entry of a file of stored loss values (tests/golden/README.md): inputs and parameters by formula, and the
/// comparison of value, parts and gradients.

#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "models/module.h"

namespace engram::testing {

/// An entry under computation on a device.
class GoldenEntry {
 public:
  /// `rounding`: the try of expect_a_rounding_follows(), by which the inputs' last bits go.
  GoldenEntry(const nlohmann::json& entry, std::uint64_t seed, const Device& device, int rounding = 0);

  std::string id() const { return entry_["id"]; }
  std::string code() const { return entry_.value("code", ""); }
  const nlohmann::json& json() const { return entry_; }
  Device device() const { return device_; }
  /// A number of `constants`.
  double constant(const std::string& name) const { return entry_.at("constants").at(name); }
  /// The input of that symbol (or, without one, name); a leaf with gradients where the file says so.
  Tensor input(const std::string& symbol);
  bool has_input(const std::string& symbol) const;
  /// Another tensor whose gradient the file lists.
  void watch(const std::string& symbol, const Tensor& tensor) { inputs_[symbol] = tensor; }
  /// A row [1,n] of given values instead of a formula's, on the device, as an input of that symbol with gradients.
  Tensor literal_input(const std::string& symbol, const nlohmann::json& values);
  /// A tensor by formula, on the device.
  Tensor formula(const std::string& name, const Shape& shape, double low, double high) const;
  /// A list of class numbers as a tensor.
  Tensor labels(const nlohmann::json& list) const;

  /// Fills a module by the formula under the names that `rename` gives its tensors, and remembers its parameters under
  /// them, for their gradients. `ranges` holds tensors with bounds of their own, by these names.
  using Rename = std::function<std::string(const std::string&)>;
  using Ranges = std::map<std::string, std::pair<double, double>>;
  void fill(Module& module, const Rename& rename, const Ranges& ranges = {});
  void fill(Module& module, const std::string& prefix) {
    fill(module, [&](const std::string& name) { return prefix + name; });
  }

  /// Value of a part, to be compared with the file's.
  void part(const std::string& name, std::vector<double> values) { parts_[name] = std::move(values); }
  /// A part of which the file has a summary.
  void part_tensor(const std::string& name, const Tensor& tensor) { part_tensors_[name] = tensor; }
  /// A part that is rounding alone.
  void skip_part(const std::string& name) { skipped_.insert(name); }
  void part(const std::string& name, const Tensor& scalar) { part(name, std::vector<double>{scalar.item()}); }

  /// Compares what the file lists: `loss`, relative to the larger of its magnitude and `scale` (for losses whose parts
  /// cancel), and the gradients of inputs and of the parameters of filled modules.
  void expect_loss(const Tensor& loss, double tolerance = 1e-5, double gradient_tolerance = 1e-4, double scale = 0);
  /// Every part that the file lists.
  void expect_parts(double tolerance = 1e-5) const;

 private:
  void expect_gradient(const std::string& what, const Tensor& gradient, const nlohmann::json& summary, double tolerance,
                       double floor) const;

  const nlohmann::json& entry_;
  std::uint64_t seed_;
  Device device_;
  std::map<std::string, Tensor> inputs_;
  std::map<std::string, Tensor> parameters_;
  std::map<std::string, std::vector<double>> parts_;
  std::map<std::string, Tensor> part_tensors_;
  std::set<std::string> skipped_;
};

/// Compares a tensor with its summary: "norm", "probe", "first", "strided", "all", as far as they are there. `floor` is
/// the least magnitude that differences relate to.
void expect_summary(const Tensor& got, const nlohmann::json& summary, std::uint64_t seed, double tolerance,
                    const std::string& what, double floor = 0);

/// A module's tensors by formula, as a dictionary for Module::load_state.
StateDict formula_state(const Module& module, std::uint64_t seed, const GoldenEntry::Rename& rename,
                        const GoldenEntry::Ranges& ranges = {});

}  // namespace engram::testing
