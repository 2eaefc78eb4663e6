#include "apps/common/experiment/child_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "kernels/common/error.h"

extern char** environ;

namespace engram::apps {
namespace {

constexpr int kPollMilliseconds = 200;
constexpr std::size_t kMaxLine = 2000;

/// What a child is started with: nothing to read, nowhere for its output, a pipe for its errors.
class Actions {
 public:
  explicit Actions(int error_pipe) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions_, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_adddup2(&actions_, error_pipe, STDERR_FILENO);
  }
  ~Actions() { posix_spawn_file_actions_destroy(&actions_); }
  Actions(const Actions&) = delete;
  const posix_spawn_file_actions_t* get() const { return &actions_; }

 private:
  posix_spawn_file_actions_t actions_;
};

pid_t start(const std::filesystem::path& program, const std::vector<std::string>& arguments, int error_pipe) {
  std::vector<std::string> words = {program.string()};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  const Actions actions(error_pipe);
  pid_t child = -1;
  const int error = ::posix_spawn(&child, program.c_str(), actions.get(), nullptr, pointers.data(), environ);
  if (error != 0) throw IoError(message("[child] cannot start ", program.string(), ": ", std::strerror(error)));
  return child;
}

/// Cuts what a child writes into lines.
class Lines {
 public:
  explicit Lines(const std::function<void(const std::string&)>& said) : said_(said) {}

  void add(const char* bytes, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
      if (bytes[i] == '\n' || bytes[i] == '\r')
        end();
      else if (line_.size() < kMaxLine)
        line_ += static_cast<unsigned char>(bytes[i]) < 32 || bytes[i] == 127 ? '?' : bytes[i];
    }
  }

  void end() {
    if (line_.empty()) return;
    last_ = std::move(line_);
    line_.clear();
    if (said_) said_(last_);
  }

  const std::string& last() const { return last_; }

 private:
  const std::function<void(const std::string&)>& said_;
  std::string line_, last_;
};

int exit_code(int status) {
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace

ChildResult run_child(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                      const std::function<void(const std::string&)>& said,
                      const std::function<bool()>& stop_requested) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) throw IoError(message("[child] cannot make a pipe: ", std::strerror(errno)));
  pid_t child = -1;
  try {
    child = start(program, arguments, ends[1]);
  } catch (...) {
    ::close(ends[0]);
    ::close(ends[1]);
    throw;
  }
  ::close(ends[1]);
  Lines lines(said);
  bool stopped = false;
  for (;;) {
    if (!stopped && stop_requested && stop_requested()) {
      ::kill(child, SIGTERM);
      stopped = true;
    }
    pollfd waiting{ends[0], POLLIN, 0};
    if (::poll(&waiting, 1, kPollMilliseconds) <= 0) continue;
    char buffer[4096];
    const ssize_t count = ::read(ends[0], buffer, sizeof buffer);
    if (count > 0)
      lines.add(buffer, std::size_t(count));
    else if (count == 0 || errno != EINTR)
      break;
  }
  lines.end();
  ::close(ends[0]);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return {exit_code(status), lines.last()};
}

}  // namespace engram::apps
