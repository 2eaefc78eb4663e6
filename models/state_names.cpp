#include "models/state_names.h"

#include <algorithm>
#include <array>
#include <map>
#include <optional>

#include "models/nets/make_network.h"
#include "models/nets/network_registry.h"

namespace engram {
namespace {

/// Words that mean the same; each is tried for the other.
constexpr std::array<std::pair<const char*, const char*>, 4> kSynonyms = {
    {{"fc", "linear"}, {"classifier", "linear"}, {"classifier", "fc"}, {"downsample", "shortcut"}}};
constexpr const char* kHeads[] = {"linear", "fc", "classifier"};

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

void add_once(std::vector<std::string>& texts, const std::string& text) {
  if (std::find(texts.begin(), texts.end(), text) == texts.end()) texts.push_back(text);
}

/// For the bias of a head, or of a layer in a row that may be one, its number in the row, 0 where it has none; else -1.
int head_place(std::string name) {
  if (!name.ends_with(".bias")) return -1;
  name.erase(name.size() - 5);
  int place = 0;
  std::size_t dot = name.rfind('.');
  if (const std::string layer = name.substr(dot + 1); layer.find_first_not_of("0123456789") == std::string::npos) {
    if (dot == std::string::npos || layer.empty() || layer.size() > 3) return -1;
    place = std::stoi(layer);
    name.erase(dot);
    dot = name.rfind('.');
  }
  const std::string head = name.substr(dot + 1);
  return std::any_of(std::begin(kHeads), std::end(kHeads), [&](const char* known) { return head == known; }) ? place
                                                                                                             : -1;
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

/// Numbers that the tensors tell, by the settings of networks that they are.
using Evidence = std::map<std::string, dim_t>;

/// "width" of the first convolution; "depth" and "widen" where blocks of a wide residual network are.
Evidence evidence_of(const StateDict& state) {
  Evidence evidence;
  dim_t blocks = 0, width = 0;
  for (const auto& [name, tensor] : state) {
    if (tensor.rank() != 4) continue;
    const bool inside = name.find("layer") != std::string::npos || name.find("block") != std::string::npos;
    if (name.ends_with("block0.0.weight") || name.ends_with("features.0.weight") ||
        (name.ends_with("conv1.weight") && !inside))
      evidence["width"] = tensor.shape()[0];
    if (name.find("block1.layer.") == std::string::npos || !name.ends_with(".conv2.weight")) continue;
    ++blocks;
    width = tensor.shape()[0];
  }
  if (blocks > 0 && width % 16 == 0) {
    evidence["depth"] = 6 * blocks + 4;
    evidence["widen"] = width / 16;
  }
  return evidence;
}

/// The endings that a short form may have: numbers go by the evidence, words are all choices of the setting. None where
/// the tensors do not tell a number.
std::vector<std::string> endings(const RegistryEntry& entry, const std::string& form, const Evidence& evidence) {
  const std::size_t open = form.find('{');
  if (open == std::string::npos) return {form};
  const std::size_t close = form.find('}', open);
  const std::string key = form.substr(open + 1, close - open - 1);
  std::vector<std::string> values;
  for (const RegistryEntry::SettingHelp& setting : entry.settings)
    if (setting.name == key) values = setting.choices;
  if (const auto number = evidence.find(key); values.empty() && number != evidence.end())
    values.push_back(std::to_string(number->second));
  std::vector<std::string> found;
  for (const std::string& value : values)
    for (const std::string& rest : endings(entry, form.substr(close + 1), evidence))
      found.push_back(form.substr(0, open) + value + rest);
  return found;
}

/// Names of the registered networks that the state may be of, in the order of the registry.
std::vector<std::string> candidates(const StateDict& state) {
  const Evidence evidence = evidence_of(state);
  std::vector<std::string> names;
  for (const RegistryEntry& entry : network_registry().entries()) {
    add_once(names, entry.name);
    for (const std::string& form : entry.forms)
      for (const std::string& ending : endings(entry, form, evidence))
        add_once(names, network_registry().canonical(entry.name + ending));
  }
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
  int last = -1;  // of several layers in a row, the last is the head
  for (const auto& [name, tensor] : state) {
    const int place = head_place(name);
    if (place < last || place < 0 || tensor.rank() != 1) continue;
    if (place == last && outputs != tensor.numel()) return 0;
    outputs = tensor.numel();
    last = place;
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
      // A width that no network of that name has, or a name that asks for settings.
    }
  }
  return fitting;
}

}  // namespace engram
