#include "models/component.h"

#include <nlohmann/json.hpp>
#include <set>

#include "kernels/common/error.h"

namespace engram {
namespace {

using nlohmann::json;

constexpr std::size_t kMaxText = 4096;

[[noreturn]] void refuse(const std::string& what, const std::string& text) {
  throw UsageError(message("expected a name or a JSON object {\"name\": ..., settings}, got ", what, " in '",
                           text.substr(0, 80), text.size() > 80 ? "..." : "", "'"));
}

SettingValue setting_value(const json& value, const std::string& text) {
  if (value.is_boolean()) return value.get<bool>();
  if (value.is_number_integer()) return value.get<std::int64_t>();
  if (value.is_number()) return value.get<double>();
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) refuse("a value that is no boolean, number, string or list", text);
  std::vector<std::int64_t> list;
  for (const json& element : value) {
    if (!element.is_number_integer()) refuse("a list of something else than integers", text);
    list.push_back(element.get<std::int64_t>());
  }
  return list;
}

/// The parsed text. Keys that come twice, which the library would merge, and nesting are refused while it reads.
json parse_object(const std::string& text) {
  std::set<std::string> keys;
  const auto check = [&](int depth, json::parse_event_t event, json& parsed) {
    if (depth > 2) refuse("too deep a nesting", text);
    if (event == json::parse_event_t::key && !keys.insert(parsed.get<std::string>()).second)
      refuse("the key \"" + parsed.get<std::string>() + "\" twice", text);
    return true;
  };
  try {
    return json::parse(text, check);
  } catch (const json::exception&) {
    refuse("broken JSON", text);
  }
}

}  // namespace

Component parse_component(const std::string& text) {
  if (text.size() > kMaxText) refuse(message(text.size(), " characters"), text);
  if (!text.starts_with("{")) return {text, {}};
  const json object = parse_object(text);
  Component component;
  for (const auto& [key, value] : object.items()) {
    if (key != "name") {
      component.settings[key] = setting_value(value, text);
    } else if (value.is_string()) {
      component.name = value.get<std::string>();
    }
  }
  if (component.name.empty()) refuse("no \"name\"", text);
  return component;
}

std::string to_string(const SettingValue& value) {
  return std::visit([](const auto& v) { return json(v).dump(-1, ' ', false, json::error_handler_t::replace); }, value);
}

std::string to_string(const Component& component) {
  if (component.settings.empty()) return component.name;
  std::string text = "{\"name\": " + to_string(SettingValue(component.name));
  for (const auto& [key, value] : component.settings)
    text += ", " + to_string(SettingValue(key)) + ": " + to_string(value);
  return text + "}";
}

}  // namespace engram
