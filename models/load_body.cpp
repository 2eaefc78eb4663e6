#include "models/load_body.h"

#include <algorithm>

#include "engine/io/tensor_io.h"
#include "kernels/common/error.h"
#include "models/state_names.h"

namespace engram {
namespace {

/// Weight and bias of a network's last layer, and its name.
struct Head {
  std::string name;
  std::vector<NamedTensor> tensors;
};

Head head_of(const Network& network) {
  const std::vector<NamedTensor> all = network.named_parameters();
  const std::string& weight = all[all.size() - 2].name;
  return {weight.substr(0, weight.rfind('.')), {all.end() - 2, all.end()}};
}

bool names_layer(const std::string& name, const std::string& layer) {
  return name == layer || name.ends_with("." + layer);
}

/// Takes a last layer with another number of outputs out of the state; returns how many it has, or 0.
dim_t drop_other_head(StateDict& state, const Head& head) {
  const Shape own = head.tensors[0].tensor.shape();
  for (const auto& [name, tensor] : state) {
    if (!name.ends_with(".weight") || tensor.rank() != 2 || tensor.dim(0) == own[0]) continue;
    const std::string layer = name.substr(0, name.rfind('.'));
    const std::vector<std::string> known = {head.name, "fc", "linear", "classifier"};
    if (std::none_of(known.begin(), known.end(), [&](const std::string& k) { return names_layer(layer, k); })) continue;
    const dim_t outputs = tensor.dim(0);
    state.erase(layer + ".bias");
    state.erase(layer + ".weight");
    return outputs;
  }
  return 0;
}

std::vector<std::string> load(StateDict state, Network& network) {
  const Head head = head_of(network);
  const dim_t outputs = drop_other_head(state, head);
  AdaptedState adapted = adapt_state(state, network);
  if (outputs > 0) {
    for (const NamedTensor& own : head.tensors) adapted.tensors[own.name] = own.tensor;
    adapted.remarks.push_back(message("the last layer of ", outputs, " outputs was left out"));
  }
  network.load_state(adapted.tensors);
  return adapted.remarks;
}

}  // namespace

std::vector<std::string> load_body(const std::filesystem::path& file, Network& network) {
  try {
    return load(io::load_tensors(file).tensors, network);
  } catch (const DataError& error) {
    const std::string text = error.what();
    throw DataError(text.starts_with(file.string()) ? text : message(file.string(), ": ", text));
  }
}

}  // namespace engram
