#pragma once
/// A folder that lives as long as a test, and what its files hold.

#include <filesystem>
#include <string>

namespace engram::test {

/// Creates an empty folder under the system's temporary folder and removes it, with all it holds, at the end of its
/// scope.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }

  /// Number of entries in the folder, to see that nothing was left behind.
  int count() const;

 private:
  std::filesystem::path path_;
};

/// The text of a file. Throws IoError when it cannot be read.
std::string file_text(const std::filesystem::path& file);

}  // namespace engram::test
