#pragma once
/// A result that a user sends to a file, a device or standard output.

#include <filesystem>
#include <memory>
#include <ostream>
#include <string_view>

#include "apps/common/call.h"

namespace engram::io {
class AtomicFile;
}

namespace engram::apps {

/// Where --out of a program that writes one file leads: a regular file, which commit() replaces as a whole or not at
/// all (io::AtomicFile); a device or a pipe (/dev/null), which is written as it is; "-" or /dev/stdout, the call's
/// `out`, and /dev/stderr, its `err`. An empty path leads nowhere. What cannot be opened is known at once: IoError.
class OutputFile {
 public:
  OutputFile(const Call& call, const std::filesystem::path& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  /// Whether there is anything to write to.
  bool is_open() const { return stream_ != nullptr || file_ != nullptr; }

  /// Where the program's text for people goes: standard output, or standard error where the result takes that.
  std::ostream& text() const { return *text_; }

  /// Appends to the result. Throws IoError.
  void write(std::string_view text);

  /// Makes the result durable under its name. Call it last. Throws IoError.
  void commit();

 private:
  std::filesystem::path path_;
  std::ostream* text_;
  std::ostream* stream_ = nullptr;        // standard output or error, or device_
  std::unique_ptr<std::ostream> device_;  // a device or pipe of that name
  std::unique_ptr<io::AtomicFile> file_;
};

}  // namespace engram::apps
