#include "tests/support/run_program.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <stdexcept>

#include "tests/support/program.h"
#include "tests/support/temp_folder.h"

namespace engram::test {

ProgramResult run_program(const std::string& name, const std::vector<std::string>& arguments) {
  const TempFolder folder;
  const std::string program = std::string(ENGRAM_BIN_DIR) + "/" + name;
  const std::string out = (folder / "out").string(), err = (folder / "err").string();
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), program);
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, STDOUT_FILENO, out.c_str(), O_WRONLY | O_CREAT, 0600);
  posix_spawn_file_actions_addopen(&files, STDERR_FILENO, err.c_str(), O_WRONLY | O_CREAT, 0600);
  const auto start = std::chrono::steady_clock::now();
  pid_t pid = 0;
  const int error = posix_spawn(&pid, program.c_str(), &files, nullptr, argv.data(), environ);
  posix_spawn_file_actions_destroy(&files);
  if (error != 0) throw std::runtime_error("cannot run " + program);
  int status = 0;
  waitpid(pid, &status, 0);

  ProgramResult result;
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  result.code = WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
  result.out = testing::text_of(out);
  result.err = testing::text_of(err);
  return result;
}

std::vector<std::string> built_programs() {
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(ENGRAM_BIN_DIR)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with("engram-") && ::access(entry.path().c_str(), X_OK) == 0) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace engram::test
