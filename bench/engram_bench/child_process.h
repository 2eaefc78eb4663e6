#pragma once
/// Another program, run to its end.

#include <string>
#include <vector>

namespace engram::bench {

/// Exit code and what the program wrote on standard output.
struct ChildResult {
  int code = 0;
  std::string output;
};

/// Runs `words` (the program first, looked for on PATH). Its standard error is ours, or nobody's with `quiet`. A
/// program that a signal ended has 128 plus its number. Throws IoError where it cannot be started.
ChildResult run_child(const std::vector<std::string>& words, bool quiet = false);

}  // namespace engram::bench
