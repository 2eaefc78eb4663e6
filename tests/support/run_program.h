#pragma once
/// The project's executables, run as a user runs them.

#include <string>
#include <vector>

namespace engram::test {

/// How a program ended and what it said.
struct ProgramResult {
  int code = -1;  ///< exit code, or 1000 + the signal that ended it
  std::string out, err;
  double seconds = 0;
};

/// Runs a program of the build's bin folder, for example "engram-eval", and waits for its end.
ProgramResult run_program(const std::string& name, const std::vector<std::string>& arguments);

/// Names of the programs in that folder (engram-*), in order.
std::vector<std::string> built_programs();

}  // namespace engram::test
