#pragma once
/// JSON files that this program wrote, read as the work of anybody: every member has its type and range, or one line
/// says which has not.

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

namespace engram::bench {

/// The text parsed. Throws DataError, "NAME: line 3: expected JSON, got ...", for what is none.
nlohmann::ordered_json parse_json(const std::string& text, const std::string& name);

/// The text of a file. Throws IoError where it cannot be read, and for more than 64 MiB.
std::string read_text(const std::filesystem::path& path);

/// A JSON object and its place, "f.json: rows[2]", which is what errors begin with. Throws DataError: where it is no
/// object, and in all members for what is missing or something else. The JSON outlives it.
class Members {
 public:
  Members(const nlohmann::ordered_json& json, std::string place, bool outermost = false);

  const nlohmann::ordered_json& at(const char* key) const;
  Members object(const char* key) const { return {at(key), place_of(key)}; }
  const nlohmann::ordered_json& list(const char* key) const;
  std::string text(const char* key) const;
  std::int64_t whole(const char* key, std::int64_t least) const;
  double number(const char* key, double least, double most) const;

  const nlohmann::ordered_json& json() const { return json_; }
  /// "f.json: rows[2].name".
  std::string place_of(const std::string& key) const { return place_ + (in_object_ ? "." : ": ") + key; }
  const std::string& place() const { return place_; }

 private:
  const nlohmann::ordered_json& json_;
  std::string place_;
  bool in_object_;  // not the outermost one, which stands for the file
};

/// Throws DataError unless `value`, named by `place`, is a number of least to most; a whole number of at least `least`
/// and at most 2^60, so that a few of them can be added.
double number_of(const nlohmann::ordered_json& value, const std::string& place, double least, double most);
std::int64_t whole_of(const nlohmann::ordered_json& value, const std::string& place, std::int64_t least);

}  // namespace engram::bench
