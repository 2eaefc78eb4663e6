#include "models/module.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "engine/autograd.h"
#include "models/init.h"

namespace engram {
namespace {

bool ends_with(const std::string& text, const std::string& tail) {
  return text.size() >= tail.size() && text.compare(text.size() - tail.size(), tail.size(), tail) == 0;
}

/// "a, b, c and 12 more".
std::string list(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > kShown) text += message(" and ", names.size() - kShown, " more");
  return text;
}

/// Throws DataError for a value that no trained network has.
void check_values(const std::string& name, const Tensor& tensor) {
  const bool variance = ends_with(name, "running_var");
  const std::vector<float> values = tensor.to_vector();
  for (std::size_t i = 0; i < values.size(); ++i)
    if (!std::isfinite(values[i]) || (variance && values[i] < 0))
      throw DataError(message("[load_state] expected ", variance ? "finite values of at least 0" : "finite values",
                              " in ", name, ", got ", values[i], " at element ", i));
}

}  // namespace

Init Init::torch_default(dim_t fan_in) {
  const float bound = 1.f / std::sqrt(float(fan_in));
  return uniform(-bound, bound);
}

Init Init::he_normal(dim_t fan) {
  return normal(0, std::sqrt(2.f / float(fan)));
}

template <class Visit>
void Module::visit(const std::string& prefix, const Visit& visit_entry) const {
  for (const Entry& entry : entries_) visit_entry(prefix + entry.name, entry);
  for (const Child& child : children_) child.module->visit(prefix + child.name + ".", visit_entry);
}

Tensor Module::register_parameter(const std::string& name, const Shape& shape, Init init, Device device) {
  Tensor tensor = Tensor::empty(shape, DType::kF32, device);
  tensor.set_requires_grad();
  const auto first_buffer =
      std::find_if(entries_.begin(), entries_.end(), [](const Entry& e) { return !e.is_parameter; });
  entries_.insert(first_buffer, {name, tensor, init, true});
  return tensor;
}

Tensor Module::register_buffer(const std::string& name, const Shape& shape, Init init, Device device) {
  Tensor tensor = Tensor::empty(shape, DType::kF32, device);
  entries_.push_back({name, tensor, init, false});
  return tensor;
}

void Module::register_child(const std::string& name, Module& child) {
  children_.push_back({name, &child});
}

std::vector<NamedTensor> Module::named_parameters() const {
  std::vector<NamedTensor> result;
  visit("", [&](const std::string& name, const Entry& entry) {
    if (entry.is_parameter) result.push_back({name, entry.tensor});
  });
  return result;
}

std::vector<NamedTensor> Module::named_state() const {
  std::vector<NamedTensor> result;
  visit("", [&](const std::string& name, const Entry& entry) { result.push_back({name, entry.tensor}); });
  return result;
}

std::vector<Tensor> Module::parameters() const {
  std::vector<Tensor> result;
  for (const NamedTensor& parameter : named_parameters()) result.push_back(parameter.tensor);
  return result;
}

std::vector<NamedModule> Module::named_modules() {
  std::vector<NamedModule> result = {{"", this}};
  for (const Child& child : children_)
    for (NamedModule& below : child.module->named_modules())
      result.push_back({below.name.empty() ? child.name : child.name + "." + below.name, below.module});
  return result;
}

dim_t Module::num_parameters() const {
  dim_t count = 0;
  for (const Tensor& parameter : parameters()) count += parameter.numel();
  return count;
}

void Module::initialize(std::uint64_t seed) {
  visit("", [&](const std::string& name, const Entry& entry) { fill(entry.tensor, entry.init, seed, name); });
}

StateDict Module::state() const {
  StateDict result;
  for (const NamedTensor& named : named_state()) result.emplace(named.name, named.tensor);
  return result;
}

void Module::load_state(const StateDict& state) {
  const StateDict own = this->state();
  std::vector<std::string> missing, unexpected, misfitting;
  for (const auto& [name, tensor] : own) {
    const auto given = state.find(name);
    if (given == state.end()) {
      missing.push_back(name);
    } else if (given->second.shape() != tensor.shape() || given->second.dtype() != DType::kF32) {
      misfitting.push_back(message(name, " (expected ", to_string(tensor.shape()), " f32, got ",
                                   to_string(given->second.shape()), " ", dtype_name(given->second.dtype()), ")"));
    }
  }
  std::size_t ignored = 0;
  for (const auto& [name, tensor] : state) {
    if (own.contains(name)) continue;
    if (ends_with(name, "num_batches_tracked"))
      ++ignored;
    else
      unexpected.push_back(name);
  }

  if (!missing.empty() || !unexpected.empty() || !misfitting.empty()) {
    std::string text = message("[load_state] expected the ", own.size(), " tensors of the network, got ",
                               state.size() - ignored, " tensors");
    if (!missing.empty()) text += "; missing: " + list(missing);
    if (!unexpected.empty()) text += "; unexpected: " + list(unexpected);
    if (!misfitting.empty()) text += "; misfitting: " + list(misfitting);
    throw DataError(text);
  }
  for (const auto& [name, tensor] : own) check_values(name, state.at(name));

  NoGradGuard no_grad;
  for (const auto& [name, tensor] : own) {
    const Tensor source = state.at(name).contiguous();
    if (source.device() == tensor.device() && source.raw_data() == tensor.raw_data()) continue;
    copy_into(tensor, source);
  }
}

void Module::to(const Device& device) {
  NoGradGuard no_grad;
  visit("", [&](const std::string&, const Entry& entry) {
    // The handles of layers and optimisers share what is changed here.
    const Tensor moved = entry.tensor.detach().to(device);
    entry.tensor.impl()->storage = moved.impl()->storage;
    entry.tensor.impl()->strides = moved.impl()->strides;
    entry.tensor.impl()->offset = moved.impl()->offset;
    entry.tensor.impl()->layout = moved.impl()->layout;
    entry.tensor.impl()->grad = nullptr;
  });
}

void Module::train(bool on) {
  training_ = on;
  for (const Child& child : children_) child.module->train(on);
}

void Module::set_requires_grad(bool on) {
  visit("", [&](const std::string&, const Entry& entry) {
    if (!entry.is_parameter) return;
    Tensor parameter = entry.tensor;
    parameter.set_requires_grad(on);
  });
}

}  // namespace engram
