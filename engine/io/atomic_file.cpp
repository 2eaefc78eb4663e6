#include "engine/io/atomic_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <system_error>
#include <utility>

#include "engine/io/live_temporaries.h"
#include "kernels/common/error.h"

namespace engram::io {
namespace {

constexpr std::string_view kTemporaryPrefix = ".engram-tmp-";
constexpr std::size_t kBufferBytes = std::size_t{1} << 16;

std::string reason(int error) {
  return std::generic_category().message(error);
}

/// Closes a descriptor that only reads.
struct ReadDescriptor {
  int value;
  ~ReadDescriptor() {
    if (value >= 0) ::close(value);
  }
};

/// Makes a rename in `folder` durable. File systems that cannot flush a folder (EINVAL, ENOTSUP) make renames durable
/// their own way.
int flush_folder(const std::filesystem::path& folder) {
  const ReadDescriptor descriptor{::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
  if (descriptor.value < 0) return errno;
  if (::fsync(descriptor.value) == 0 || errno == EINVAL || errno == ENOTSUP) return 0;
  return errno;
}

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

AtomicFile::AtomicFile(const std::filesystem::path& path) : path_(path), target_(path) {
  if (!path.has_filename())
    throw IoError(message("[write_file] expected the path of a file, got ", quoted_name(path.string())));
  std::error_code absent, error;
  if (std::filesystem::is_symlink(path, absent)) target_ = std::filesystem::weakly_canonical(path, error);
  if (error) fail("resolve the link", error.value());
  struct ::stat old {};
  const bool replaces = ::stat(target_.c_str(), &old) == 0;
  if (!replaces && errno != ENOENT) fail("look up the file", errno);
  if (replaces && !S_ISREG(old.st_mode)) {
    throw IoError(
        message("[write_file] expected a regular file or a free name, got a folder or a device: ", path_.string()));
  }

  buffer_.reserve(kBufferBytes);
  for (int attempt = 0; !create_temporary(); ++attempt) {
    if (attempt == 1000) fail("create a temporary file beside it", EEXIST);
  }
  // A file system without permissions may refuse; the content matters more.
  if (replaces && ::fchmod(descriptor_, old.st_mode & 07777) != 0) errno = 0;
}

bool AtomicFile::create_temporary() {
  // The process id and a counter make the name unique among live writers; O_EXCL steps over what a killed process left.
  static std::atomic<unsigned> counter{0};
  std::filesystem::path name = folder_of(target_) / message(kTemporaryPrefix, ::getpid(), "-", counter++);
  const int descriptor = ::open(name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
  if (descriptor < 0 && errno == EEXIST) return false;
  if (descriptor < 0) fail("create a temporary file beside it", errno);
  // Between the two calls another process may have taken the file for a leftover; then it holds the lock or the file
  // has no name any more. A file system without locks keeps its leftovers.
  const bool taken = ::flock(descriptor, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK;
  struct ::stat status {};
  if (taken || (::fstat(descriptor, &status) == 0 && status.st_nlink == 0)) {
    ::close(descriptor);
    return false;
  }
  descriptor_ = descriptor;
  temporary_ = std::move(name);  // a copy could find no memory, and the file would stay
  note_temporary(temporary_.c_str());
  return true;
}

AtomicFile::~AtomicFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (temporary_.empty()) return;
  forget_temporary(temporary_.c_str());
  ::unlink(temporary_.c_str());
}

void AtomicFile::write(ByteView bytes) {
  if (descriptor_ < 0) throw UsageError(message("[write_file] a write after commit: ", path_.string()));
  if (bytes.size() > kBufferBytes - buffer_.size()) flush_buffer();
  if (bytes.size() >= kBufferBytes) {
    write_through(bytes);
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
}

void AtomicFile::flush_buffer() {
  write_through(buffer_);
  buffer_.clear();
}

void AtomicFile::write_through(ByteView bytes) {
  while (!bytes.empty()) {
    const ::ssize_t written = ::write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void AtomicFile::commit() {
  if (descriptor_ < 0) throw UsageError(message("[write_file] a second commit: ", path_.string()));
  flush_buffer();
  if (::fsync(descriptor_) != 0) fail("flush", errno);
  if (::close(std::exchange(descriptor_, -1)) != 0) fail("close", errno);
  if (::rename(temporary_.c_str(), target_.c_str()) != 0) fail("rename", errno);
  forget_temporary(temporary_.c_str());
  temporary_.clear();
  if (const int error = flush_folder(folder_of(target_))) {
    throw IoError(message("[write_file] wrote ", path_.string(), ", but cannot flush its folder: ", reason(error)));
  }
}

void AtomicFile::fail(const char* action, int error) const {
  throw IoError(message("[write_file] cannot ", action, ": ", path_.string(), ": ", reason(error),
                        " (nothing under that name was changed)"));
}

void write_file(const std::filesystem::path& path, ByteView bytes) {
  AtomicFile file(path);
  file.write(bytes);
  file.commit();
}

void write_file(const std::filesystem::path& path, std::string_view text) {
  write_file(path, as_bytes(text));
}

bool is_temporary_name(std::string_view name) {
  return name.starts_with(kTemporaryPrefix);
}

void remove_leftovers(const std::filesystem::path& folder) noexcept {
  try {
    std::error_code error;
    for (std::filesystem::directory_iterator it(folder, error), end; !error && it != end; it.increment(error)) {
      if (!is_temporary_name(it->path().filename().native())) continue;
      const ReadDescriptor file{::open(it->path().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)};
      struct ::stat status {};
      const bool own = file.value >= 0 && ::fstat(file.value, &status) == 0 && S_ISREG(status.st_mode) &&
                       status.st_uid == ::geteuid();
      if (own && ::flock(file.value, LOCK_EX | LOCK_NB) == 0) ::unlink(it->path().c_str());
    }
  } catch (const std::exception&) {
    // No memory for a path: the leftovers wait for the next call.
  }
}

Bytes read_file(const std::filesystem::path& path, std::uint64_t max_bytes) {
  const auto fail = [&](const char* action) {
    throw IoError(message("[read_file] cannot ", action, " ", path.string(), ": ", reason(errno)));
  };
  const auto too_large = [&](std::uint64_t size, const char* more) {
    throw DataError(
        message("[read_file] expected at most ", max_bytes, " bytes, got ", size, more, ": ", path.string()));
  };
  const ReadDescriptor descriptor{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (descriptor.value < 0) fail("open");
  struct ::stat status {};
  if (::fstat(descriptor.value, &status) != 0) fail("look up");
  const auto stated = S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
  if (stated > max_bytes) too_large(stated, "");

  // One byte more than the stated size, so that the usual file ends inside the first buffer. Pipes and growing files
  // extend it.
  Bytes bytes(stated + 1);
  std::size_t size = 0;
  for (;;) {
    if (size == bytes.size()) bytes.resize(std::max<std::size_t>(kBufferBytes, 2 * size));
    const ::ssize_t got = ::read(descriptor.value, bytes.data() + size, bytes.size() - size);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("read");
    if (got == 0) break;
    size += static_cast<std::size_t>(got);
    if (size > max_bytes) too_large(size, " or more");
  }
  bytes.resize(size);
  return bytes;
}

}  // namespace engram::io
