#include "apps/common/hyper_parameters.h"

#include <nlohmann/json.hpp>

namespace engram::apps {
namespace {

using Json = nlohmann::ordered_json;

void collect(const Json& object, const std::string& prefix, io::HyperParameters& out) {
  for (const auto& [key, value] : object.items()) {
    if (key.starts_with("//")) continue;
    const std::string name = prefix + key;
    if (value.is_object()) {
      collect(value, name + ".", out);
    } else if (value.is_boolean()) {
      out.emplace_back(name, value.get<bool>());
    } else if (value.is_number()) {
      out.emplace_back(name, value.get<double>());
    } else {
      out.emplace_back(name, value.is_string() ? value.get<std::string>() : value.dump());
    }
  }
}

}  // namespace

io::HyperParameters hyper_parameters_of(const std::string& configuration) {
  io::HyperParameters parameters;
  const Json json = Json::parse(configuration, nullptr, false, true);
  if (json.is_object()) collect(json, "", parameters);
  return parameters;
}

}  // namespace engram::apps
