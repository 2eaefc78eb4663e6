#include "models/state_names.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "models/nets/make_network.h"

namespace engram {
namespace {

/// Words that mean the same; each is tried for the other.
constexpr std::array<std::pair<const char*, const char*>, 4> kSynonyms = {
    {{"fc", "linear"}, {"classifier", "linear"}, {"classifier", "fc"}, {"downsample", "shortcut"}}};
constexpr const char* kHeads[] = {"linear.bias", "fc.bias", "classifier.bias", "classifier.6.bias"};

bool is_counter(const std::string& name) {
  return name.ends_with("num_batches_tracked");
}

bool takes(const StateDict& wanted, const std::string& name, const Tensor& tensor) {
  const auto found = wanted.find(name);
  return found != wanted.end() && found->second.shape() == tensor.shape();
}

/// The first component that all names share, with its dot; empty when there is none.
std::string shared_prefix(const StateDict& state) {
  if (state.empty()) return "";
  const std::string& first = state.begin()->first;
  const std::size_t dot = first.find('.');
  if (dot == std::string::npos) return "";
  const std::string prefix = first.substr(0, dot + 1);
  const bool shared =
      std::all_of(state.begin(), state.end(), [&](const auto& e) { return e.first.starts_with(prefix); });
  return shared ? prefix : "";
}

/// `name` with the component `from` replaced by `to`; empty when it has none.
std::string with_component(const std::string& name, const std::string& from, const std::string& to) {
  for (std::size_t at = name.find(from); at != std::string::npos; at = name.find(from, at + 1)) {
    const std::size_t end = at + from.size();
    const bool whole = (at == 0 || name[at - 1] == '.') && (end == name.size() || name[end] == '.');
    if (whole) return name.substr(0, at) + to + name.substr(end);
  }
  return "";
}

struct Renaming {
  std::string name;
  std::string remark;
};

/// The network's name for a tensor that it does not know under its own.
std::optional<Renaming> synonym(const StateDict& wanted, const StateDict& state, const std::string& name,
                                const Tensor& tensor) {
  for (const auto& [one, other] : kSynonyms) {
    for (const auto& [from, to] : {std::pair(one, other), std::pair(other, one)}) {
      const std::string candidate = with_component(name, from, to);
      if (!candidate.empty() && !state.contains(candidate) && takes(wanted, candidate, tensor))
        return Renaming{candidate, message("'", from, "' was read as '", to, "'")};
    }
  }
  return std::nullopt;
}

void add_once(std::vector<std::string>& remarks, const std::string& remark) {
  if (std::find(remarks.begin(), remarks.end(), remark) == remarks.end()) remarks.push_back(remark);
}

StateDict without_prefix(const StateDict& state, std::size_t length) {
  StateDict stripped;
  for (const auto& [name, tensor] : state) stripped.emplace(name.substr(length), tensor);
  return stripped;
}

AdaptedState renamed(const StateDict& wanted, const StateDict& state) {
  AdaptedState result;
  for (const auto& [name, tensor] : state) {
    auto other = wanted.contains(name) ? std::nullopt : synonym(wanted, state, name, tensor);
    if (other && result.tensors.contains(other->name))
      other.reset();  // two tensors for one place: the second is left over
    if (other) add_once(result.remarks, other->remark);
    result.tensors.emplace(other ? other->name : name, tensor);
  }
  return result;
}

dim_t known(const StateDict& wanted, const StateDict& state) {
  return std::count_if(state.begin(), state.end(), [&](const auto& e) { return wanted.contains(e.first); });
}

/// The width suffix that the first convolution tells, "" for the networks' own 64.
std::string width_suffix(const StateDict& state) {
  for (const auto& [name, tensor] : state) {
    const bool stem = name.ends_with("conv1.weight") || name.ends_with("features.0.weight");
    const bool block = name.find("layer") != std::string::npos || name.find("block") != std::string::npos;
    if (!stem || block || tensor.rank() != 4) continue;
    return tensor.shape()[0] == 64 ? "" : message("-w", tensor.shape()[0]);
  }
  return "";
}

/// The name of the wide residual network whose blocks the state has; empty when it has none.
std::string wide_name(const StateDict& state) {
  int blocks = 0;
  dim_t width = 0;
  for (const auto& [name, tensor] : state) {
    const std::size_t at = name.find("block1.layer.");
    if (at == std::string::npos || !name.ends_with(".conv2.weight") || tensor.rank() != 4) continue;
    ++blocks;
    width = tensor.shape()[0];
  }
  return blocks > 0 && width % 16 == 0 ? message("wrn-", 6 * blocks + 4, "-", width / 16) : "";
}

std::vector<std::string> candidates(const StateDict& state) {
  const std::string width = width_suffix(state);
  std::vector<std::string> names;
  for (const char* name : {"resnet18", "resnet34", "vgg11", "vgg16"}) names.push_back(name + width);
  for (const char* name : {"resnet20", "resnet32", "resnet44", "resnet56", "resnet110", "resnet8x4", "resnet32x4"})
    for (const char* option : {"", "-a"}) names.push_back(std::string(name) + option);
  if (const std::string wide = wide_name(state); !wide.empty()) names.push_back(wide);
  return names;
}

}  // namespace

AdaptedState adapt_state(const StateDict& state, Module& network) {
  const StateDict wanted = network.state();
  StateDict stripped = state;
  std::string prefix;
  for (std::string next = shared_prefix(stripped); !next.empty() && known(wanted, stripped) == 0;
       next = shared_prefix(stripped)) {
    prefix += next;
    stripped = without_prefix(stripped, next.size());
  }
  AdaptedState result = renamed(wanted, stripped);
  if (known(wanted, result.tensors) == 0) return {state, {}};
  if (!prefix.empty()) result.remarks.insert(result.remarks.begin(), message("the prefix '", prefix, "' was left out"));
  return result;
}

bool state_fits(const StateDict& state, Module& network) {
  const StateDict adapted = adapt_state(state, network).tensors, wanted = network.state();
  const auto counters =
      std::count_if(adapted.begin(), adapted.end(), [](const auto& e) { return is_counter(e.first); });
  return adapted.size() - std::size_t(counters) == wanted.size() &&
         std::all_of(wanted.begin(), wanted.end(), [&](const auto& e) { return takes(adapted, e.first, e.second); });
}

dim_t head_outputs(const StateDict& state) {
  dim_t outputs = 0;
  for (const auto& [name, tensor] : state) {
    const bool head = std::any_of(std::begin(kHeads), std::end(kHeads), [&](const std::string& suffix) {
      return name == suffix || name.ends_with("." + suffix);
    });
    if (!head || tensor.rank() != 1) continue;
    if (outputs != 0 && outputs != tensor.numel()) return 0;
    outputs = tensor.numel();
  }
  return outputs;
}

std::vector<std::string> fitting_networks(const StateDict& state, int num_classes, const ImageShape& image) {
  std::vector<std::string> fitting;
  for (const std::string& name : candidates(state)) {
    try {
      if (state_fits(state, *make_network(name, num_classes, {.seed = std::nullopt, .image = image})))
        fitting.push_back(name);
    } catch (const UsageError&) {
      // A width that no network of that name has.
    }
  }
  return fitting;
}

}  // namespace engram
