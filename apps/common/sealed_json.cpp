#include "apps/common/sealed_json.h"

#include <utility>

#include "engine/io/crc32c.h"

namespace engram::apps {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kChecksum = "crc32c";

std::string dumped(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

std::string sealed_text(Json object) {
  object[kChecksum] = io::crc32c(io::as_bytes(dumped(object)));
  return dumped(object) + "\n";
}

std::optional<Json> unsealed(std::string_view text) {
  Json json = Json::parse(text, nullptr, false);
  if (!json.is_object()) return std::nullopt;
  const auto found = json.find(kChecksum);
  if (found == json.end()) return std::nullopt;
  const Json checksum = *found;
  json.erase(found);
  if (checksum != io::crc32c(io::as_bytes(dumped(json)))) return std::nullopt;
  return json;
}

}  // namespace engram::apps
