#include "apps/common/experiment/claim.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "kernels/common/error.h"

namespace engram::apps {

std::optional<Claim> Claim::take(const std::filesystem::path& file) {
  const int descriptor = ::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
  if (descriptor < 0) throw IoError(message("[claim] cannot open ", file.string(), ": ", std::strerror(errno)));
  Claim claim(descriptor);  // closes on every way out
  if (::flock(descriptor, LOCK_EX | LOCK_NB) == 0) return claim;
  if (errno == EWOULDBLOCK) return std::nullopt;
  throw IoError(message("[claim] cannot lock ", file.string(), ": ", std::strerror(errno)));
}

Claim::Claim(Claim&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}

Claim& Claim::operator=(Claim&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}

Claim::~Claim() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

}  // namespace engram::apps
