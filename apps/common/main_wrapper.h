#pragma once
/// What stands between main() and a program: errors become one line and an exit code.

#include <exception>
#include <functional>
#include <string>

#include "apps/common/call.h"

namespace engram::apps {

/// A program: returns its exit code, or throws.
using ProgramFunction = std::function<int(Call&)>;

/// Runs a program. An exception becomes one line on the call's `err`, "PROGRAM: MESSAGE", and the exit code of its
/// class (exit_code_for). Changes nothing that other threads see, so that programs can run side by side, each on a
/// thread of its own.
int run_program(const ProgramFunction& program, Call& call) noexcept;

/// What main() does: secures the descriptors (descriptors.h), installs the signal handlers (signals.h), runs the
/// program with the standard streams, and checks that its output could be written; if not, says so and turns success
/// into exit code 3. `name` is the program's as the user calls it.
int run_main(const char* name, const ProgramFunction& program, int argc, const char* const* argv);

/// The exit code for an exception: 2 for UsageError, 3 for DataError, IoError and for shapes and types that do not fit
/// (they come from the files given), 130 for Stopped (engine/stop_scope.h), 4 for DeviceError, lack of memory and
/// threads that could not start, 1 for everything else.
int exit_code_for(const std::exception& error);

/// A message on one line: line ends become spaces, control characters question marks.
std::string one_line(const std::string& text);

}  // namespace engram::apps
