#pragma once
/// One writer a folder.

#include <filesystem>

namespace engram::apps {

/// The name of the file in a run folder that its writer keeps locked.
inline constexpr char kRunLock[] = ".engram-lock";

/// Holds a run folder against every other writer, of this process and of others. The lock is the system's (flock on a
/// file of the folder), so it ends with the process, however that ends; the file itself stays and means nothing.
class RunLock {
 public:
  /// Holds nothing.
  RunLock() = default;
  /// Takes the lock of an existing folder without waiting. Throws UsageError, which names the process, when a live one
  /// holds it, and IoError when the lock file cannot be made or is a link. Where the file system knows no locks, the
  /// folder is not held.
  explicit RunLock(const std::filesystem::path& folder);
  ~RunLock();
  RunLock(RunLock&& other) noexcept;
  RunLock& operator=(RunLock&& other) noexcept;

 private:
  int descriptor_ = -1;
};

}  // namespace engram::apps
