#include "engine/io/jsonl.h"

#include <charconv>
#include <cmath>
#include <nlohmann/json.hpp>
#include <optional>
#include <type_traits>

#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace engram::io {
namespace {

using Json = nlohmann::json;

std::string json_text(std::string_view text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

template <class Number>
std::string number_text(Number value) {
  if constexpr (std::is_floating_point_v<Number>) {
    if (std::isnan(value)) return "\"nan\"";
    if (std::isinf(value)) return value < 0 ? "\"-inf\"" : "\"inf\"";
  }
  char digits[64];
  const auto result = std::to_chars(digits, digits + sizeof(digits), value);
  return std::string(digits, result.ptr);
}

std::string value_text(const JsonValue& value) {
  return std::visit(
      []<class T>(const T& v) -> std::string {
        if constexpr (std::is_same_v<T, bool>) {
          return v ? "true" : "false";
        } else if constexpr (std::is_same_v<T, std::string>) {
          return json_text(v);
        } else {
          return number_text(v);
        }
      },
      value);
}

/// The line's "step", or nothing for an object without one.
std::optional<std::int64_t> step_of(std::string_view line, const auto& fail) {
  // The parser takes a zero byte for the end of the text.
  if (line.find('\0') != std::string_view::npos) fail("expected text, got a zero byte");
  const Json object = Json::parse(line, nullptr, false);
  if (!object.is_object()) fail("expected a JSON object, got something else");
  const auto step = object.find("step");
  if (step == object.end()) return std::nullopt;
  const bool fits = step->is_number_integer() &&
                    !(step->is_number_unsigned() && step->get<std::uint64_t>() > std::uint64_t{INT64_MAX});
  if (!fits) fail("expected an integer as step, got something else");
  return step->get<std::int64_t>();
}

}  // namespace

std::string json_line(std::int64_t step, std::span<const JsonField> fields) {
  std::string line = "{\"step\":" + number_text(step);
  for (const auto& [name, value] : fields) {
    line += ',';
    line += json_text(name);
    line += ':';
    line += value_text(value);
  }
  line += '}';
  return line;
}

std::size_t jsonl_keep_bytes(ByteView file, std::int64_t step, std::string_view source) {
  const std::string_view text = as_text(file);
  std::size_t kept = 0;
  for (std::size_t number = 1; kept < text.size(); ++number) {
    const std::size_t end = text.find('\n', kept);
    if (end == std::string_view::npos) break;
    const auto fail = [&](const char* what) { throw DataError(message("[", source, "] line ", number, ": ", what)); };
    const auto line_step = step_of(text.substr(kept, end - kept), fail);
    if (line_step && *line_step > step) break;
    kept = end + 1;
  }
  return kept;
}

JsonlWriter::JsonlWriter(const std::filesystem::path& path) : file_(path, AppendFile::Mode::kReplace) {}

JsonlWriter::JsonlWriter(const std::filesystem::path& path, std::int64_t resume_after_step)
    : file_(path, AppendFile::Mode::kContinue) {
  const Bytes content = read_file(path);
  const std::size_t kept = jsonl_keep_bytes(content, resume_after_step, path.string());
  file_.truncate(kept);
  hash_.update(ByteView(content).first(kept));
}

std::string JsonlWriter::sha256() const {
  Sha256 hash = hash_;
  return hex(hash.finish());
}

void JsonlWriter::write(std::int64_t step, std::span<const JsonField> fields) {
  const std::string line = json_line(step, fields) + "\n";
  file_.append(as_bytes(line));
  hash_.update(as_bytes(line));
}

}  // namespace engram::io
