#include "apps/common/descriptors.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <iostream>

namespace engram::apps {

void secure_descriptors() {
  for (const int descriptor : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(descriptor, F_GETFD) != -1 || errno != EBADF) continue;
    // open() gives the lowest free number, which is this one. Standard output is opened for reading: what is printed
    // cannot arrive, and flush_standard_output() is to notice.
    [[maybe_unused]] const int opened = ::open("/dev/null", descriptor == STDERR_FILENO ? O_WRONLY : O_RDONLY);
  }
}

const char* flush_standard_output() {
  errno = 0;
  std::cout.flush();
  if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0 && std::cout.good()) return nullptr;
  if (errno == 0) {  // an earlier write failed; another tells why
    std::clearerr(stdout);
    std::fputc('\n', stdout);
    std::fflush(stdout);
  }
  return errno == 0 ? "an earlier write failed" : std::strerror(errno);
}

}  // namespace engram::apps
