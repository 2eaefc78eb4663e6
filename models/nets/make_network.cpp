#include "models/nets/make_network.h"

#include <map>
#include <optional>

#include "models/nets/resnet.h"
#include "models/nets/vgg.h"
#include "models/nets/wide_resnet.h"

namespace engram {
namespace {

constexpr int kLargestNumber = 1024;  // of a width, depth or factor in a name

[[noreturn]] void unknown(const std::string& arch) {
  throw UsageError(message("[make_network] expected one of ", network_names(), ", got \"", arch, "\""));
}

/// A plain decimal number from 1 to kLargestNumber.
std::optional<int> parse_number(const std::string& text) {
  if (text.empty() || text.size() > 4 || text[0] == '0' || text.find_first_not_of("0123456789") != std::string::npos)
    return {};
  const int number = std::stoi(text);
  if (number > kLargestNumber) return {};
  return number;
}

/// Cuts "-wN" off `name`; 64 without one.
dim_t take_width(std::string& name, const std::string& arch) {
  const auto dash = name.rfind("-w");
  if (dash == std::string::npos) return 64;
  const std::optional<int> width = parse_number(name.substr(dash + 2));
  if (!width) unknown(arch);
  if (*width % 16 != 0)
    throw UsageError(message("[make_network] expected a width that is a multiple of 16, got \"", arch, "\""));
  name.resize(dash);
  return *width;
}

std::unique_ptr<Network> make_wide(const NetworkSpec& spec, Device device) {
  const std::string& arch = spec.arch;
  const auto dash = arch.find('-', 4);
  if (dash == std::string::npos) unknown(arch);
  const std::optional<int> depth = parse_number(arch.substr(4, dash - 4)), widen = parse_number(arch.substr(dash + 1));
  if (!depth || !widen) unknown(arch);
  if (*depth < 10 || (*depth - 4) % 6 != 0)
    throw UsageError(message("[make_network] expected a depth of 10, 16, 22, ... (6n + 4), got \"", arch, "\""));
  return std::make_unique<WideResNet>(spec, *depth, *widen, device);
}

std::unique_ptr<Network> make_he_resnet(const NetworkSpec& spec, Device device) {
  const std::string& arch = spec.arch;
  static const std::map<std::string, std::pair<int, int>> kNets = {
      // blocks a stage, width factor
      {"resnet20", {3, 1}},   {"resnet32", {5, 1}},  {"resnet44", {7, 1}},  {"resnet56", {9, 1}},
      {"resnet110", {18, 1}}, {"resnet8x4", {1, 4}}, {"resnet32x4", {5, 4}}};
  const bool without_projection = arch.ends_with("-a");
  const auto found = kNets.find(without_projection ? arch.substr(0, arch.size() - 2) : arch);
  if (found == kNets.end()) return nullptr;
  const auto [blocks, factor] = found->second;
  const ResNetConfig config{.stem = factor == 1 ? 16 : 32,
                            .widths = {16 * factor, 32 * factor, 64 * factor},
                            .blocks = {blocks, blocks, blocks},
                            .projection = !without_projection,
                            .he_init = true};
  return std::make_unique<ResNet>(spec, config, device);
}

std::unique_ptr<Network> make_with_width(NetworkSpec spec, Device device) {
  const std::string arch = spec.arch;
  std::string name = arch;
  const dim_t width = take_width(name, arch);
  if (width == 64) spec.arch = name;
  if (name == "vgg11") return std::make_unique<Vgg>(spec, std::vector<int>{1, 1, 2, 2, 2}, width, device);
  if (name == "vgg16") return std::make_unique<Vgg>(spec, std::vector<int>{2, 2, 3, 3, 3}, width, device);
  if (name != "resnet18" && name != "resnet34") unknown(arch);
  const ResNetConfig config{.stem = width,
                            .widths = {width, 2 * width, 4 * width, 8 * width},
                            .blocks = name == "resnet18" ? std::vector<int>{2, 2, 2, 2} : std::vector<int>{3, 4, 6, 3}};
  return std::make_unique<ResNet>(spec, config, device);
}

}  // namespace

std::string network_names() {
  return "resnet18, resnet34 (-wN), resnet20, resnet32, resnet44, resnet56, resnet110, resnet8x4, resnet32x4 (-a), "
         "vgg11, vgg16 (-wN), "
         "wrn-D-K";
}

std::unique_ptr<Network> make_network(const std::string& arch, int num_classes, const NetworkOptions& options) {
  if (num_classes < 1) throw UsageError(message("[make_network] expected at least 1 class, got ", num_classes));
  check_image_shape(options.image);
  const NetworkSpec spec{arch, num_classes, options.image};
  std::unique_ptr<Network> network;
  if (arch.starts_with("wrn-"))
    network = make_wide(spec, options.device);
  else if (!(network = make_he_resnet(spec, options.device)))
    network = make_with_width(spec, options.device);
  if (options.seed) {
    network->initialize(*options.seed);
    network->dropout_generator() = Generator(*options.seed);
  }
  return network;
}

}  // namespace engram
