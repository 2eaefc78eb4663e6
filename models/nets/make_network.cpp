#include "models/nets/make_network.h"

#include "models/nets/network_registry.h"

namespace engram {

const NetworkRegistry& network_registry() {
  static const NetworkRegistry registry = [] {
    NetworkRegistry all("make_network");
    add_resnets(all);
    add_vggs(all);
    add_wide_resnets(all);
    add_mobilenets(all);
    add_shufflenets(all);
    add_mlps(all);
    add_digit_cnns(all);
    add_two_branch(all);
    add_context_networks(all);
    return all;
  }();
  return registry;
}

std::string network_names() {
  return network_registry().names();
}

void check_network_name(const std::string& arch) {
  network_registry().canonical(arch);
}

std::unique_ptr<Network> make_network(const std::string& arch, int num_classes, const NetworkOptions& options) {
  if (num_classes < 1) throw UsageError(message("[make_network] expected at least 1 class, got ", num_classes));
  check_image_shape(options.image);
  const NetworkRegistry& registry = network_registry();
  const NetworkSpec spec{registry.canonical(arch), num_classes, options.image};
  std::unique_ptr<Network> network = registry.make(arch, spec, options.device);
  if (options.seed) {
    network->initialize(*options.seed);
    network->dropout_generator() = Generator(*options.seed);
  }
  return network;
}

}  // namespace engram
