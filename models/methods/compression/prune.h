#pragma once
/// Networks without the channels that pruning takes out (docs/methods/pruning.md).

#include <memory>

#include "models/methods/compression/channel_choice.h"

namespace engram {

/// The network of the same kind, on the same device and in the same mode, with the channels that the masks keep, in
/// their order: its `arch` has them in the setting "channels". Its weights are the kept ones, so what it computes is
/// what the whole network would with the outputs of the others set to zero after their normalisation and activation.
/// Throws UsageError unless there is a mask for each group with as many entries as it has channels, one of them set.
std::unique_ptr<Network> remove_channels(Network& network, const std::vector<ChannelGroup>& groups,
                                         const std::vector<ChannelMask>& masks);

/// Multiplications of a network, each with an addition, for one image in evaluation mode: of convolutions and linear
/// layers, as its profile declares them.
dim_t count_macs(Network& network);

}  // namespace engram
