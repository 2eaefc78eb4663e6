#include "apps/common/part_help.h"

#include <algorithm>

#include "apps/common/text_format.h"
#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::apps {
namespace {

/// The entry that `name` is, or is a short form of.
const RegistryEntry* entry_of(const std::string& name, const std::vector<RegistryEntry>& entries) {
  for (const RegistryEntry& entry : entries)
    if (entry.name == name) return &entry;
  try {
    const std::string resolved = registry_detail::resolve("part", entries, name).name;
    return &*std::ranges::find(entries, resolved, &RegistryEntry::name);
  } catch (const UsageError&) {  // of another kind, perhaps
    return nullptr;
  }
}

}  // namespace

std::string part_help(const std::string& kind, const RegistryEntry& entry) {
  std::string text = message(usage_of(entry), ": ", kind, "\n  ", entry.help, "\n");
  if (entry.settings.empty()) return text + "No settings.\n";
  text += message("Settings, as in '{\"name\": \"", entry.name, "\", \"", entry.settings.front().name,
                  "\": ...}', with their default values:\n");
  std::size_t width = 0;
  for (const RegistryEntry::SettingHelp& setting : entry.settings) width = std::max(width, setting.name.size());
  for (const RegistryEntry::SettingHelp& setting : entry.settings) {
    text += message("  ", padded(setting.name, width + 2), setting.help);
    for (std::size_t i = 0; i < setting.choices.size(); ++i) text += (i ? ", " : ": ") + setting.choices[i];
    text += message(" [", setting.fallback, "]\n");
  }
  return text;
}

std::string help_on(const std::string& name, const std::vector<PartList>& lists, const std::vector<OptionWord>& words) {
  std::string text;
  std::vector<std::string> names;
  for (const PartList& list : lists) {
    for (const RegistryEntry& entry : *list.entries) names.push_back(entry.name);
    if (const RegistryEntry* entry = entry_of(name, *list.entries))
      text += (text.empty() ? "" : "\n") + part_help(list.kind, *entry);
  }
  for (const OptionWord& word : words) {
    names.push_back(word.word);
    if (word.word == name)
      text += message(text.empty() ? "" : "\n", name, ": word of ", word.option, "\n  ", word.help, "\n");
  }
  if (text.empty())
    throw UsageError(
        message("--help: expected a name that an option takes, got '", name, "'", did_you_mean(name, names)));
  return text;
}

}  // namespace engram::apps
