#include "models/methods/compression/prune.h"

#include <exception>
#include <thread>

#include "engine/profiler.h"
#include "models/nets/make_network.h"
#include "models/nets/network_registry.h"

namespace engram {
namespace {

/// The entries of `x` along an axis that the mask keeps. Each counts for `repeat` neighbours: the pixels of a channel
/// that was flattened.
Tensor kept_along(const Tensor& x, int axis, const ChannelMask& mask, dim_t repeat) {
  const std::vector<float> values = x.to_vector();
  dim_t outer = 1, inner = 1;
  for (int a = 0; a < axis; ++a) outer *= x.dim(a);
  for (int a = axis + 1; a < int(x.rank()); ++a) inner *= x.dim(a);
  const dim_t run = inner * repeat, count = dim_t(mask.size());
  std::vector<float> kept;
  for (dim_t o = 0; o < outer; ++o)
    for (dim_t c = 0; c < count; ++c)
      if (mask[std::size_t(c)]) {
        const auto first = values.begin() + (o * count + c) * run;
        kept.insert(kept.end(), first, first + run);
      }
  Shape shape = x.shape();
  shape[std::size_t(axis)] = count_kept(mask) * repeat;
  return Tensor::from(kept, shape, x.device());
}

void keep_group(StateDict& state, const ChannelGroup& group, const ChannelMask& mask) {
  for (const std::string& layer : {group.conv, group.bn})
    for (const char* field : {".weight", ".bias", ".running_mean", ".running_var"})
      if (const auto found = state.find(layer + field); !layer.empty() && found != state.end())
        found->second = kept_along(found->second, 0, mask, 1);
  Tensor& reader = state.at(group.reader + ".weight");
  reader = kept_along(reader, 1, mask, reader.dim(1) / group.channels);
}

void check_masks(const std::vector<ChannelGroup>& groups, const std::vector<ChannelMask>& masks) {
  if (masks.size() != groups.size())
    throw UsageError(message("[prune] expected a mask for each of ", groups.size(), " layers, got ", masks.size()));
  for (std::size_t g = 0; g < groups.size(); ++g)
    if (dim_t(masks[g].size()) != groups[g].channels || count_kept(masks[g]) == 0)
      throw UsageError(message("[prune] expected a mask of ", groups[g].channels, " channels that keeps one of ",
                               groups[g].conv, ", got ", masks[g].size(), " of which ", count_kept(masks[g]), " stay"));
}

/// Operations of the products among the profile's records of the calling thread.
dim_t profiled_products(Network& network) {
  const ImageShape& image = network.image();
  profiler::enable(true);
  network.logits_inference(Tensor::zeros({1, image.channels, image.height, image.width}, network.device()));
  dim_t operations = 0;
  for (const OpRecord& record : profiler::records())
    if (record.name == "conv2d" || record.name == "depthwise_conv2d" || record.name == "linear" ||
        record.name == "matmul")
      operations += record.cost.flops;
  return operations;
}

}  // namespace

std::unique_ptr<Network> remove_channels(Network& network, const std::vector<ChannelGroup>& groups,
                                         const std::vector<ChannelMask>& masks) {
  check_masks(groups, masks);
  Component component = network_registry().component(network.arch());
  StateDict state = network.state();
  std::vector<std::int64_t> channels;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    keep_group(state, groups[g], masks[g]);
    channels.push_back(count_kept(masks[g]));
  }
  component.settings["channels"] = channels;
  auto pruned = make_network(to_string(component), network.num_classes(),
                             {.seed = std::nullopt, .device = network.device(), .image = network.image()});
  pruned->load_state(state);
  pruned->train(network.is_training());
  return pruned;
}

dim_t count_macs(Network& network) {
  // A thread has a profile of its own, so that of the caller stays as it is.
  dim_t operations = 0;
  std::exception_ptr error;
  std::thread counting([&] {
    try {
      operations = profiled_products(network);
    } catch (...) {
      error = std::current_exception();
    }
  });
  counting.join();
  if (error) std::rethrow_exception(error);
  return operations / 2;
}

}  // namespace engram
