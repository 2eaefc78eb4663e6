#pragma once
/// What stands between main() and a program: errors become one line and an exit code.

#include <functional>
#include <string>

namespace engram::apps {

/// Runs `body` and returns its result. An exception becomes one line on standard error, "PROGRAM: MESSAGE", and the
/// exit code of its class (exit_code.h). Secures the descriptors (descriptors.h) and installs the signal handlers of
/// signals.h first, and checks last that standard output could be written: if not, says so and turns success into 3.
int run_main(const std::string& program, const std::function<int()>& body);

/// The exit code for an exception: 2 for UsageError, 3 for DataError, IoError and for shapes and types that do not fit
/// (they come from the files given), 4 for DeviceError, lack of memory and
/// threads that could not start, 1 for everything else.
int exit_code_for(const std::exception& error);

/// A message on one line: line ends become spaces, control characters question marks.
std::string one_line(const std::string& text);

}  // namespace engram::apps
