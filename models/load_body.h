#pragma once
/// Starting weights from another classifier, whatever it classified.

#include <filesystem>
#include <string>
#include <vector>

#include "models/nets/network.h"

namespace engram {

/// Copies the state of a safetensors file into `network`, all but the last linear layer where that has another number
/// of outputs, which then stays as it is: a classifier of this project, or a PyTorch state dictionary, for example
/// torchvision's ResNet-18 of ImageNet. Names are adapted as adapt_state. Returns sentences about what was renamed and
/// left out. Throws IoError, and DataError, beginning with the file's name, as Module::load_state for everything else
/// that does not fit.
std::vector<std::string> load_body(const std::filesystem::path& file, Network& network);

}  // namespace engram
