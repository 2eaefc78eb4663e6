#include "tests/support/program.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>

namespace engram::testing {

Program::Program(const std::string& name, std::vector<std::string> arguments, const std::filesystem::path& log) {
  arguments.insert(arguments.begin(), std::filesystem::path(ENGRAM_BIN_DIR) / name);
  pid_ = fork();
  if (pid_ != 0) return;
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  if (!freopen(log.c_str(), "w", stdout) || !freopen(log.c_str(), "a", stderr)) _exit(99);
  execv(argv[0], argv.data());
  _exit(99);
}

int Program::wait() {
  int status = 0;
  waitpid(pid_, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

void Program::signal(int number) {
  kill(pid_, number);
}

std::string text_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace engram::testing
