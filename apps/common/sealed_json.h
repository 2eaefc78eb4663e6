#pragma once
/// JSON files of a run folder that a run which is continued believes: with a checksum, against accidents and edits by
/// hand. It does not stop somebody who computes the checksum anew.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

namespace engram::apps {

/// The text of an object on one line, with its CRC-32C in the member "crc32c". Bytes that are not UTF-8 become U+FFFD.
std::string sealed_text(nlohmann::ordered_json object);

/// The object of a text as sealed_text() makes it, without the checksum; nothing for any other text.
std::optional<nlohmann::ordered_json> unsealed(std::string_view text);

}  // namespace engram::apps
