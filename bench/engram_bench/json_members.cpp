#include "bench/engram_bench/json_members.h"

#include "engine/io/atomic_file.h"
#include "engine/io/json_problem.h"
#include "kernels/common/error.h"

namespace engram::bench {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 26;
constexpr std::int64_t kMostWhole = std::int64_t{1} << 60;

[[noreturn]] void refuse(const std::string& place, const std::string& expected, const Json& got) {
  const std::string text = got.dump(-1, ' ', true, Json::error_handler_t::replace);
  throw DataError(message(place, ": expected ", expected, ", got ", text.size() > 40 ? got.type_name() : text));
}

}  // namespace

Json parse_json(const std::string& text, const std::string& name) {
  if (const std::string problem = io::json_problem(text); !problem.empty())
    throw DataError(message(name, ": ", problem));
  return Json::parse(text);
}

std::string read_text(const std::filesystem::path& path) {
  return std::string(io::as_text(io::read_file(path, kMaxBytes)));
}

Members::Members(const Json& json, std::string place, bool outermost)
    : json_(json), place_(std::move(place)), in_object_(!outermost) {
  if (!json.is_object()) refuse(place_, "a JSON object", json);
}

const Json& Members::at(const char* key) const {
  const auto found = json_.find(key);
  if (found == json_.end()) throw DataError(message(place_, ": expected a member \"", key, "\", got none"));
  return *found;
}

const Json& Members::list(const char* key) const {
  const Json& value = at(key);
  if (!value.is_array()) refuse(place_of(key), "a list", value);
  return value;
}

std::string Members::text(const char* key) const {
  const Json& value = at(key);
  if (!value.is_string()) refuse(place_of(key), "a text", value);
  return value.get<std::string>();
}

std::int64_t Members::whole(const char* key, std::int64_t least) const {
  return whole_of(at(key), place_of(key), least);
}

double Members::number(const char* key, double least, double most) const {
  return number_of(at(key), place_of(key), least, most);
}

double number_of(const Json& value, const std::string& place, double least, double most) {
  const bool fits = value.is_number() && value.get<double>() >= least && value.get<double>() <= most;
  if (!fits) refuse(place, message("a number from ", least, " to ", most), value);
  return value.get<double>();
}

std::int64_t whole_of(const Json& value, const std::string& place, std::int64_t least) {
  const bool small =
      value.is_number_unsigned() ? value.get<std::uint64_t>() <= std::uint64_t(kMostWhole) : value.is_number_integer();
  const bool fits = small && value.get<std::int64_t>() >= least && value.get<std::int64_t>() <= kMostWhole;
  if (!fits) refuse(place, message("a whole number from ", least), value);
  return value.get<std::int64_t>();
}

}  // namespace engram::bench
