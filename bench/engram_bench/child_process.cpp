#include "bench/engram_bench/child_process.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "kernels/common/error.h"

namespace engram::bench {

ChildResult run_child(const std::vector<std::string>& words, bool quiet) {
  int ends[2];
  if (pipe(ends) != 0) throw IoError(message("[process] expected a pipe, got: ", std::strerror(errno)));
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  posix_spawn_file_actions_addclose(&actions, ends[0]);
  posix_spawn_file_actions_addclose(&actions, ends[1]);
  if (quiet) posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  std::vector<char*> arguments;
  for (const std::string& word : words) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  const int failed = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  close(ends[1]);
  ChildResult result;
  char part[4096];
  for (ssize_t got; failed == 0 && (got = read(ends[0], part, sizeof part)) != 0;) {
    if (got > 0)
      result.output.append(part, std::size_t(got));
    else if (errno != EINTR)
      break;
  }
  close(ends[0]);
  if (failed != 0) throw IoError(message("[process] expected to start ", words[0], ", got: ", std::strerror(failed)));
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return result;
}

}  // namespace engram::bench
