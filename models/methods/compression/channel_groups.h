#pragma once
/// Which channels of a network can be taken out, and what else goes with them (docs/methods/pruning.md).

#include <string>
#include <vector>

#include "models/nets/network.h"

namespace engram {

/// Channels of a convolution that only its own batch normalisation and one other layer see.
struct ChannelGroup {
  std::string conv;    ///< "layer1.0.conv1": rows of its weight, and its bias
  std::string bn;      ///< "layer1.0.bn1"; empty without one
  std::string reader;  ///< the convolution or linear layer whose inputs they are
  dim_t channels = 0;
  int stage = 0;        ///< of the network, from 0
  int layer_index = 0;  ///< of the convolution among those of the network's main path, from 1: the numbers that the
                        ///< published lists of skipped layers use (projections do not count)
  bool operator==(const ChannelGroup&) const = default;
};

/// The groups of a ResNet or a wide ResNet (the first convolution of each block: residual sums tie all other channels
/// together) or of a VGG (every convolution), in order. The setting "channels" of those networks has one number a
/// group. Throws UsageError for other networks.
std::vector<ChannelGroup> channel_groups(Network& network);

}  // namespace engram
