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

/// Makes an initialised network in training mode. `arch` is one of
///   - resnet18, resnet34: width 64 unless the name ends in -wN (resnet18-w32), N a multiple of 16
///   - resnet20, 32, 44, 56, 110: He's CIFAR networks with projection shortcuts; with -a those without parameters
///   - resnet8x4, resnet32x4: the same with a stem of 32 and widths 64, 128, 256
///   - vgg11, vgg16: with batch normalisation; -wN as above
///   - wrn-D-K: depth D = 6n + 4, widening factor K (wrn-16-2)
/// Throws UsageError that lists these for any other name, for num_classes < 1, and for images that the network cannot
/// take.
std::unique_ptr<Network> make_network(const std::string& arch, int num_classes, const NetworkOptions& options = {});

/// The names above in one line, for help texts.
std::string network_names();

}  // namespace engram
