#pragma once
/// A folder for files that nobody is to keep.

#include <filesystem>
#include <string>

namespace engram::apps {

/// A new folder among the system's temporary files, which goes with what is in it when this does.
class ScratchFolder {
 public:
  /// `name` begins the folder's name. Throws IoError when it cannot be made.
  explicit ScratchFolder(const std::string& name);
  ~ScratchFolder();
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace engram::apps
