#pragma once
/// Threads: none are made.

#include <filesystem>

namespace engram {

/// Whether a regular file stands there; false too where nobody may look.
inline bool is_file(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

}  // namespace engram
