#include "models/methods/compression/channel_groups.h"

#include "models/nets/network_registry.h"

namespace engram {
namespace {

bool begins_with(const std::string& text, const std::string& start) {
  return text.compare(0, start.size(), start) == 0;
}

/// The network's layers by kind, in order. Convolutions of 1x1 are projections.
struct Layers {
  std::vector<NamedModule> all;
  std::vector<const NamedModule*> convolutions, linears;
};

Layers layers_of(Network& network) {
  Layers layers;
  layers.all = network.named_modules();
  for (const NamedModule& named : layers.all) {
    if (const auto* conv = dynamic_cast<const Conv2d*>(named.module); conv && conv->config().kernel > 1)
      layers.convolutions.push_back(&named);
    if (dynamic_cast<const Linear*>(named.module)) layers.linears.push_back(&named);
  }
  return layers;
}

dim_t outputs(const NamedModule& conv) {
  return static_cast<const Conv2d*>(conv.module)->config().out_channels;
}

/// The convolution pairs of residual blocks. `bn` is the normalisation between them, by its name in the block.
std::vector<ChannelGroup> block_groups(Network& network, const std::string& bn) {
  const Layers layers = layers_of(network);
  std::vector<ChannelGroup> groups;
  for (std::size_t i = 1; i + 1 < layers.convolutions.size(); i += 2) {
    const NamedModule& first = *layers.convolutions[i];
    const std::string block = first.name.substr(0, first.name.rfind('.') + 1);
    const std::size_t digit = first.name.find_first_of("123456789");  // of "layer1" or "block1"
    groups.push_back({.conv = first.name,
                      .bn = block + bn,
                      .reader = layers.convolutions[i + 1]->name,
                      .channels = outputs(first),
                      .stage = first.name[digit] - '1',
                      .layer_index = int(i) + 1});
  }
  return groups;
}

/// The name of the batch normalisation that follows a convolution at once, if there is one.
std::string bn_after(const Layers& layers, const NamedModule& conv) {
  const auto next = std::size_t(&conv - layers.all.data()) + 1;
  if (next == layers.all.size() || !dynamic_cast<const BatchNorm2d*>(layers.all[next].module)) return "";
  return layers.all[next].name;
}

std::vector<ChannelGroup> chain_groups(Network& network) {
  const Layers layers = layers_of(network);
  std::vector<ChannelGroup> groups;
  for (std::size_t i = 0; i < layers.convolutions.size(); ++i) {
    const bool last = i + 1 == layers.convolutions.size();
    const NamedModule& reader = last ? *layers.linears.front() : *layers.convolutions[i + 1];
    groups.push_back({.conv = layers.convolutions[i]->name,
                      .bn = bn_after(layers, *layers.convolutions[i]),
                      .reader = reader.name,
                      .channels = outputs(*layers.convolutions[i]),
                      .stage = 0,
                      .layer_index = int(i) + 1});
  }
  return groups;
}

}  // namespace

std::vector<ChannelGroup> channel_groups(Network& network) {
  const std::string name = network_registry().component(network.arch()).name;
  if (begins_with(name, "resnet")) return block_groups(network, "bn1");
  if (begins_with(name, "wrn")) return block_groups(network, "bn2");
  if (begins_with(name, "vgg")) return chain_groups(network);
  throw UsageError(message("[prune] expected a ResNet, a VGG or a wide ResNet, got ", network.arch()));
}

}  // namespace engram
