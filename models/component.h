#pragma once
/// How a user names a part that is chosen by name (a network, a loss, a schedule): as a word, or as a JSON object with
/// settings.

#include <cstdint>
#include <map>
#include <string>
#include <variant>
#include <vector>

namespace engram {

/// The value of a setting.
using SettingValue = std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>>;

/// A name and settings, for example {"name": "vgg13", "head": "average"}.
struct Component {
  std::string name;
  std::map<std::string, SettingValue> settings;
  bool operator==(const Component&) const = default;
};

/// Reads a word ("resnet20") or, where the text begins with a brace, a JSON object with the key "name" and settings
/// that are booleans, numbers, strings or lists of integers. Throws UsageError for anything else, a key that comes
/// twice included.
Component parse_component(const std::string& text);

/// The word alone where there are no settings, else the object on one line, "name" first and the settings by name.
/// parse_component reads it back.
std::string to_string(const Component& component);

/// A value as it stands in such an object.
std::string to_string(const SettingValue& value);

}  // namespace engram
