#include "apps/common/run_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "kernels/common/error.h"

namespace engram::apps {
namespace {

/// What the holder wrote into its lock file: " (process 123)", or nothing.
std::string holder(int descriptor) {
  char digits[16];
  const ::ssize_t size = ::pread(descriptor, digits, sizeof digits, 0);
  std::string number;
  for (::ssize_t i = 0; i < size && digits[i] >= '0' && digits[i] <= '9'; ++i) number += digits[i];
  return number.empty() ? "" : " (process " + number + ")";
}

/// Whether the open file is the one under that name.
bool is_file(int descriptor, const std::filesystem::path& file) {
  struct ::stat open {
  }, named{};
  return ::fstat(descriptor, &open) == 0 && ::stat(file.c_str(), &named) == 0 && open.st_ino == named.st_ino &&
         open.st_dev == named.st_dev;
}

}  // namespace

RunLock::RunLock(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / kRunLock;
  int descriptor = -1;
  do {
    if (descriptor >= 0) ::close(descriptor);
    descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0666);
    if (descriptor < 0) {
      throw IoError(
          message("[run] cannot open the lock ", file.string(), ": ", std::generic_category().message(errno)));
    }
    if (::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) {
      const std::string who = holder(descriptor);
      ::close(descriptor);
      throw UsageError(message("[run] expected a folder that nobody writes, got ", folder.string(),
                               ", which a running program", who, " holds"));
    }
  } while (!is_file(descriptor, file));  // a start that failed took its lock file away in between
  descriptor_ = descriptor;
  // For the message above only: a lock without a number is one too.
  const std::string number = std::to_string(::getpid()) + "\n";
  if (::ftruncate(descriptor, 0) == 0) [[maybe_unused]]
    const auto written = ::write(descriptor, number.data(), number.size());
}

RunLock::~RunLock() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

RunLock::RunLock(RunLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

RunLock& RunLock::operator=(RunLock&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

}  // namespace engram::apps
