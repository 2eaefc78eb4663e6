#pragma once
/// Help on the parts that a program's options name: networks, methods, losses. The text comes from the registry's
/// entry.

#include <string>
#include <vector>

#include "models/registry.h"

namespace engram::apps {

/// Parts that options name, of one kind.
struct PartList {
  std::string kind;  ///< "network"
  const std::vector<RegistryEntry>* entries;
};

/// What the entry is, how it is written, and its settings with their default values.
std::string part_help(const std::string& kind, const RegistryEntry& entry);

/// One of the words that an option takes.
struct OptionWord {
  std::string word;
  std::string option;  ///< "--schedule"
  std::string help;    ///< of the option
};

/// The help on all parts of this name, also a short form ("resnet18-w32"), and on all words of this name. Throws
/// UsageError for a name that there is not, with the nearest one.
std::string help_on(const std::string& name, const std::vector<PartList>& lists, const std::vector<OptionWord>& words);

}  // namespace engram::apps
