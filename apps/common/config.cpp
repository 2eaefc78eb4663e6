#include "apps/common/config.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::apps {
namespace {

using Json = nlohmann::ordered_json;

// Parses, and refuses a key that stands twice in the outermost object: the parser would silently keep the last.
Json parse_object(const std::string& text, const std::string& source) {
  std::set<std::string> seen;
  std::string twice;
  const auto watch = [&](int depth, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::key && depth == 1) {
      const std::string key = parsed.get<std::string>();
      if (!seen.insert(key).second && twice.empty() && !key.starts_with("//")) twice = key;
    }
    return true;
  };
  Json json;
  try {
    json = Json::parse(text, watch, true, true);
  } catch (const Json::parse_error& error) {
    const auto begin = text.begin();
    const auto stop = begin + static_cast<std::ptrdiff_t>(std::min(error.byte, text.size()));
    throw UsageError(
        message(source, ": expected JSON, got a syntax error in line ", 1 + std::count(begin, stop, '\n')));
  } catch (const Json::out_of_range&) {
    throw UsageError(message(source, ": expected numbers that a double can hold, got a larger one"));
  }
  if (!json.is_object()) throw UsageError(message(source, ": expected a JSON object, got ", json.type_name()));
  if (!twice.empty()) throw UsageError(message(source, ": expected each key once, got '", twice, "' twice"));
  return json;
}

}  // namespace

std::vector<std::string> apply_config(const std::string& text, const std::string& source,
                                      const std::vector<Setting*>& settings,
                                      const std::function<bool(const Setting&)>& wanted) {
  const Json json = parse_object(text, source);
  std::vector<std::string> names, keys;
  for (const Setting* setting : settings) {
    if (setting->is_in_config()) keys.push_back(setting->key());
  }
  for (const auto& [key, value] : json.items()) {
    if (key.starts_with("//")) continue;
    const auto it = std::find_if(settings.begin(), settings.end(), [&key = key](const Setting* setting) {
      return setting->key() == key || setting->name() == key;
    });
    if (it == settings.end()) {
      throw UsageError(message(source, ": unknown key '", key, "'", did_you_mean(key, keys)));
    }
    if (!(*it)->is_in_config()) {
      throw UsageError(message(source, ": '", key, "' can only be given on the command line"));
    }
    names.push_back((*it)->name());
    if (wanted(**it)) (*it)->set_json(value.dump(), source + ": " + key);
  }
  return names;
}

std::string config_text(const std::vector<Setting*>& settings) {
  std::string out = "{";
  for (const Setting* setting : settings) {
    if (!setting->is_in_config()) continue;
    out += (out.size() > 1 ? ",\n  " : "\n  ") + Json(setting->key()).dump() + ": " + setting->json();
  }
  return out + "\n}\n";
}

}  // namespace engram::apps
