#pragma once
/// The experiments of out-of-distribution generalisation by name: which images in which environments, and which of them
/// are left out.

#include <filesystem>

#include "models/data/environments.h"
#include "models/registry.h"

namespace engram {

/// What a protocol reads, beside its own settings.
struct OodRequest {
  std::filesystem::path folder = {};       ///< of the images; not looked at by protocols that draw theirs
  std::vector<std::string> held_out = {};  ///< environments to leave out; empty where the protocol fixes them
  std::uint64_t seed = 1;                  ///< of noise, shuffles and splits: a restart
};

using OodProtocols = Registry<OodData, const OodRequest&>;

/// All of them; docs/ood.md lists their settings.
const OodProtocols& ood_protocols();

/// Reads what `protocol`, a name or a JSON object with settings, says. Throws UsageError for an unknown name or
/// setting, environments that there are not (listing those that there are) or that the protocol fixes, and a missing
/// folder, and what the readers throw.
OodData read_ood_data(const std::string& protocol, const OodRequest& request);

/// Whether a protocol reads a folder.
bool needs_folder(const std::string& protocol);

}  // namespace engram
