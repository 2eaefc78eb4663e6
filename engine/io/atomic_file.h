#pragma once
/// Whole-file reading with a limit, and writing that either replaces a file completely or leaves it as it was.
/// Threads: an object belongs to one at a time.
#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>

#include "engine/io/bytes.h"

namespace engram::io {

/// Writes a file so that readers see either the old content or all of the new one, also across a crash or a full disk.
///
/// The bytes go to a temporary file in the same folder; commit() flushes it to the device, renames it over `path` and
/// flushes the folder. Without commit() (an exception, an early return) the destructor removes the temporary file and
/// `path` is untouched. An existing file keeps its permissions; a symbolic link keeps pointing where it did, and its
/// target is replaced. The temporary file is locked (flock) while its writer lives, so that remove_leftovers() can tell
/// it from what a killed process left.
///
/// Every member throws IoError when the system refuses (no space, file size limit, permissions, missing folder); the
/// message names the path and the reason. A path that is a folder or a device is refused: a rename would destroy it.
class AtomicFile {
 public:
  /// Creates the temporary file. The folder has to exist.
  explicit AtomicFile(const std::filesystem::path& path);
  ~AtomicFile();
  AtomicFile(const AtomicFile&) = delete;
  AtomicFile& operator=(const AtomicFile&) = delete;

  /// Appends bytes. They may stay in a buffer of this object until commit().
  void write(ByteView bytes);

  /// Appends text.
  void write(std::string_view text) { write(as_bytes(text)); }

  /// Makes the new content durable under the final name. Call it once, last.
  void commit();

  /// The temporary file's path: `path`'s folder, a name that begins with ".engram-tmp-".
  const std::filesystem::path& temporary_path() const { return temporary_; }

 private:
  bool create_temporary();
  void flush_buffer();
  void write_through(ByteView bytes);
  [[noreturn]] void fail(const char* action, int error) const;

  std::filesystem::path path_;    // as the caller named it, for messages
  std::filesystem::path target_;  // links resolved
  std::filesystem::path temporary_;
  int descriptor_ = -1;
  Bytes buffer_;
};

/// Writes a whole file atomically. Throws as AtomicFile.
void write_file(const std::filesystem::path& path, ByteView bytes);

/// As above, of a text.
void write_file(const std::filesystem::path& path, std::string_view text);

/// Whether a file's name is that of an AtomicFile's temporary file.
bool is_temporary_name(std::string_view name);

/// Removes from `folder` (not from those below) the temporary files of writers that no longer live; those of other
/// users and of living writers stay. Never throws: what cannot be removed stays.
void remove_leftovers(const std::filesystem::path& folder) noexcept;

/// Reads a whole file. Throws IoError when it cannot be opened or read, DataError when it holds more than `max_bytes`.
Bytes read_file(const std::filesystem::path& path, std::uint64_t max_bytes = std::numeric_limits<std::uint64_t>::max());

}  // namespace engram::io
