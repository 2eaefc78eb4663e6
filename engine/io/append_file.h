#pragma once
/// A file that grows by whole records. Threads: an object belongs to one at a time.

#include <cstdint>
#include <filesystem>

#include "engine/io/bytes.h"

namespace engram::io {

/// Appends records to a file. A record goes to the system at once, so that a crash of this process loses none; one that
/// does not fit on the disk is taken back, so that the file always ends with a whole record. Every member throws
/// IoError, which names the path.
class AppendFile {
 public:
  /// How the file is opened.
  enum class Mode {
    kReplace,     ///< empty an existing file
    kContinue,    ///< keep an existing file's content
    kCreateOnly,  ///< leave is_open() false when the file exists
  };

  AppendFile(const std::filesystem::path& path, Mode mode);
  ~AppendFile();
  AppendFile(AppendFile&& other) noexcept;
  AppendFile& operator=(AppendFile&& other) noexcept;

  /// False only when kCreateOnly met an existing file.
  bool is_open() const { return descriptor_ >= 0; }

  /// Appends one record.
  void append(ByteView record);

  /// Drops everything from byte `size` on.
  void truncate(std::uint64_t size);

  /// Waits until the system has everything on the disk.
  void sync();

  /// Length of the file in bytes.
  std::uint64_t size() const { return size_; }

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int descriptor_ = -1;
  std::uint64_t size_ = 0;
};

}  // namespace engram::io
