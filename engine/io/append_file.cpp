#include "engine/io/append_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include "kernels/common/error.h"

namespace engram::io {
namespace {

[[noreturn]] void fail(const char* action, const std::filesystem::path& path, int error, const char* hint = "") {
  throw IoError(
      message("[append_file] cannot ", action, " ", path.string(), ": ", std::generic_category().message(error), hint));
}

int open_flags(AppendFile::Mode mode) {
  switch (mode) {
    case AppendFile::Mode::kReplace:
      return O_TRUNC;
    case AppendFile::Mode::kContinue:
      return 0;
    case AppendFile::Mode::kCreateOnly:
      return O_EXCL;
  }
  return 0;
}

}  // namespace

AppendFile::AppendFile(const std::filesystem::path& path, Mode mode) : path_(path) {
  const int descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | open_flags(mode), 0666);
  if (descriptor < 0) {
    if (mode == Mode::kCreateOnly && errno == EEXIST) return;
    fail("open", path, errno);
  }
  struct ::stat status {};
  if (::fstat(descriptor, &status) != 0) {
    const int error = errno;
    ::close(descriptor);
    fail("look up", path, error);
  }
  descriptor_ = descriptor;
  size_ = static_cast<std::uint64_t>(status.st_size);
}

AppendFile::~AppendFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

AppendFile::AppendFile(AppendFile&& other) noexcept
    : path_(std::move(other.path_)), descriptor_(std::exchange(other.descriptor_, -1)), size_(other.size_) {}

AppendFile& AppendFile::operator=(AppendFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(descriptor_, other.descriptor_);
  std::swap(size_, other.size_);
  return *this;
}

void AppendFile::append(ByteView record) {
  for (ByteView rest = record; !rest.empty();) {
    const ::ssize_t written = ::write(descriptor_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      const int error = errno;
      const bool restored = ::ftruncate(descriptor_, static_cast<off_t>(size_)) == 0;
      fail("write to", path_, error, restored ? "" : " (its last record is incomplete)");
    }
    rest = rest.subspan(static_cast<std::size_t>(written));
  }
  size_ += record.size();
}

void AppendFile::truncate(std::uint64_t size) {
  if (::ftruncate(descriptor_, static_cast<off_t>(size)) != 0) fail("shorten", path_, errno);
  size_ = size;
}

void AppendFile::sync() {
  if (::fsync(descriptor_) != 0) fail("flush", path_, errno);
}

}  // namespace engram::io
