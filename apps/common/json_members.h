#pragma once
/// Members of JSON that a program wrote, for its report. Threads: none are made.

#include <nlohmann/json.hpp>
#include <string>

namespace engram::apps {

/// The text; empty where there is none of this name.
inline std::string text_member(const nlohmann::ordered_json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

/// The number; 0 where there is none of this name.
inline double number_member(const nlohmann::ordered_json& object, const char* name) {
  const auto found = object.find(name);
  return found != object.end() && found->is_number() ? found->get<double>() : 0;
}

}  // namespace engram::apps
