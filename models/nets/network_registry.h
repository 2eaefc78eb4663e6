#pragma once
/// The networks that make_network knows. Each file of networks registers its own.

#include "models/nets/network.h"
#include "models/registry.h"

namespace engram {

/// Made from a specification whose `arch` is the canonical name.
using NetworkRegistry = Registry<Network, const NetworkSpec&, const Device&>;

/// All of them.
const NetworkRegistry& network_registry();

void add_resnets(NetworkRegistry& registry);
void add_vggs(NetworkRegistry& registry);
void add_wide_resnets(NetworkRegistry& registry);
void add_mobilenets(NetworkRegistry& registry);
void add_shufflenets(NetworkRegistry& registry);
void add_mlps(NetworkRegistry& registry);
void add_digit_cnns(NetworkRegistry& registry);
void add_two_branch(NetworkRegistry& registry);
void add_context_networks(NetworkRegistry& registry);

}  // namespace engram
