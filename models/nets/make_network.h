#pragma once
/// Networks by name.

#include <memory>
#include <optional>
#include <string>

#include "models/nets/network.h"

namespace engram {

/// How make_network fills a network, and where.
struct NetworkOptions {
  std::optional<std::uint64_t> seed = 1;  ///< none: parameters stay uninitialised, to be loaded
  Device device = {};
  ImageShape image = {};
};

/// Makes an initialised network in training mode. `arch` is a name, a name with a short form's ending ("resnet18-w32"),
/// or a JSON object with settings; docs/networks.md lists them. Network::arch() of the result is its shortest name.
/// Throws UsageError that names the nearest for an unknown name or setting, for num_classes < 1, and for images that
/// the network cannot take; DataError for extents that no image has.
std::unique_ptr<Network> make_network(const std::string& arch, int num_classes, const NetworkOptions& options = {});

/// Throws UsageError, with the nearest name, for a name or setting that make_network does not know.
void check_network_name(const std::string& arch);

/// All names with their short forms in one line, for help texts.
std::string network_names();

}  // namespace engram
