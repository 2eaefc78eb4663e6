#pragma once
/// Metrics as text: one JSON object a line, so that a killed run leaves a file that can be read and continued.
/// Threads: an object belongs to one at a time.
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "engine/io/append_file.h"
#include "engine/io/bytes.h"
#include "engine/io/sha256.h"

namespace engram::io {

/// The value of a metric. Numbers are written with the fewest digits that read back as the same float or double; what
/// is not finite is written as the strings "nan", "inf" and "-inf", because JSON has no such numbers.
using JsonValue = std::variant<bool, std::int64_t, float, double, std::string>;

/// A named value.
using JsonField = std::pair<std::string_view, JsonValue>;

/// One line (without its end): {"step":12,"loss":0.5,...}, the fields in the given order. Bytes that are not UTF-8
/// become U+FFFD.
std::string json_line(std::int64_t step, std::span<const JsonField> fields);

/// How many bytes of a metrics file a run keeps that continues after `step`: all lines up to the first whose "step" is
/// larger, or that has no end (the writer was killed). A line without "step" is kept. Throws DataError for another line
/// that is not a JSON object or whose "step" is not an integer (names `source` and the line's number).
std::size_t jsonl_keep_bytes(ByteView file, std::int64_t step, std::string_view source = "jsonl");

/// Appends lines to a file, each as a record of AppendFile: a crash or a full disk leaves whole lines.
class JsonlWriter {
 public:
  /// Starts a new, empty file (an old one is emptied). Throws IoError.
  explicit JsonlWriter(const std::filesystem::path& path);

  /// Continues a file after `step`: drops what jsonl_keep_bytes() would not keep. A missing file is created.
  /// Throws IoError and DataError.
  JsonlWriter(const std::filesystem::path& path, std::int64_t resume_after_step);

  /// Length of the file in bytes.
  std::uint64_t size() const { return file_.size(); }
  /// The SHA-256 of what was written, whatever others did to the file since, as 64 lower-case hexadecimal digits.
  std::string sha256() const;
  /// Waits until the system has everything on the disk. Throws IoError.
  void sync() { file_.sync(); }

  /// Appends json_line(). Throws IoError; the file then ends with the line before.
  void write(std::int64_t step, std::span<const JsonField> fields);
  void write(std::int64_t step, std::initializer_list<JsonField> fields) {
    write(step, std::span<const JsonField>(fields.begin(), fields.size()));
  }

 private:
  AppendFile file_;
  Sha256 hash_;  // of the file's content
};

}  // namespace engram::io
