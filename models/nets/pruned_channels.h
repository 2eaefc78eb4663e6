#pragma once
/// The setting "channels" of networks that pruning makes narrower.

#include "models/nets/spec.h"

namespace engram {

/// `channels` as they are; empty: `most`, the unpruned network's. Throws UsageError unless there are as many as in
/// `most`, each from 1 to the one there.
std::vector<dim_t> checked_channels(const std::vector<dim_t>& channels, const std::vector<dim_t>& most,
                                    const NetworkSpec& spec);

}  // namespace engram
