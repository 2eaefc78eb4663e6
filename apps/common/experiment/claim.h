#pragma once
/// The right to run a cell.

#include <filesystem>
#include <optional>

namespace engram::apps {

/// Held by one thread of one process among all that share a folder. The system lets it go when its holder ends, also by
/// SIGKILL, so a dead machine blocks nobody. It is an advisory lock (flock) on a file that stays; on a network file
/// system it holds where that system carries flock, as NFS does.
class Claim {
 public:
  /// Takes the claim, or returns nothing while somebody else holds it. The folder has to exist. Throws IoError.
  static std::optional<Claim> take(const std::filesystem::path& file);

  Claim(Claim&& other) noexcept;
  Claim& operator=(Claim&& other) noexcept;
  ~Claim();

 private:
  explicit Claim(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace engram::apps
