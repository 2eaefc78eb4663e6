#pragma once
/// A program as a child process.

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace engram::apps {

/// How a child ended.
struct ChildResult {
  int exit_code = 0;      ///< of a child that a signal ended 128 + the signal's number, as shells say it
  std::string last_line;  ///< that it wrote on standard error
};

/// Runs `program` with `arguments` to its end. Standard output is dropped; each line on standard error goes to `said`.
/// While `stop_requested` is true, the child is sent SIGTERM once; it is waited for in any case. Throws IoError when it
/// cannot be started.
ChildResult run_child(const std::filesystem::path& program, const std::vector<std::string>& arguments,
                      const std::function<void(const std::string&)>& said, const std::function<bool()>& stop_requested);

}  // namespace engram::apps
