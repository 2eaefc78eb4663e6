#pragma once
/// Runs one of the project's executables.

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace engram::testing {

/// A running program; both its outputs go to a file.
class Program {
 public:
  /// `name` is that of an executable in the build's bin folder, for example "engram-train", or an absolute path.
  Program(const std::string& name, std::vector<std::string> arguments, const std::filesystem::path& log);
  /// Waits for the end. Exit code, or 1000 + the number of the signal that killed it.
  int wait();
  void signal(int number);

 private:
  pid_t pid_;
};

/// The whole content of a file; empty when there is none.
std::string text_of(const std::filesystem::path& path);

}  // namespace engram::testing
