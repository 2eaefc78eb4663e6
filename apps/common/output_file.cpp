#include "apps/common/output_file.h"

#include <cerrno>
#include <fstream>
#include <system_error>

#include "engine/io/atomic_file.h"
#include "kernels/common/error.h"

namespace engram::apps {
namespace {

namespace fs = std::filesystem;

bool is_device(const fs::path& path) {
  std::error_code absent;
  const fs::file_status status = fs::status(path, absent);
  return fs::is_character_file(status) || fs::is_fifo(status);
}

/// The descriptor that a name like /dev/stdout stands for, else -1. The name may lead to a regular file, which belongs
/// to whoever opened it and must not be replaced.
int standard_descriptor(const fs::path& path) {
  const std::string name = path.string();
  if (name == "-" || name == "/dev/stdout" || name == "/dev/fd/1" || name == "/proc/self/fd/1") return 1;
  if (name == "/dev/stderr" || name == "/dev/fd/2" || name == "/proc/self/fd/2") return 2;
  return -1;
}

}  // namespace

OutputFile::OutputFile(const Call& call, const fs::path& path) : path_(path), text_(call.out) {
  if (path.empty()) return;
  const int descriptor = standard_descriptor(path);
  if (descriptor > 0) {
    stream_ = descriptor == 1 ? call.out : call.err;
    if (descriptor == 1) text_ = call.err;
  } else if (is_device(path)) {
    device_ = std::make_unique<std::ofstream>(path, std::ios::binary);
    stream_ = device_.get();
    if (!device_->good())
      throw IoError(message("--out: cannot open ", path.string(), ": ", std::generic_category().message(errno)));
  } else {
    io::remove_leftovers(path.has_parent_path() ? path.parent_path() : fs::path("."));
    file_ = std::make_unique<io::AtomicFile>(path);
  }
}

OutputFile::~OutputFile() = default;

void OutputFile::write(std::string_view text) {
  if (file_) return file_->write(text);
  if (stream_) *stream_ << text;
}

void OutputFile::commit() {
  if (file_) return file_->commit();
  if (stream_ && !stream_->flush())
    throw IoError(message("--out: write error on ", path_.string(), ": ", std::generic_category().message(errno)));
}

}  // namespace engram::apps
