#pragma once
/// What the programs' exit codes mean.

namespace engram::apps {

/// Exit codes of every engram program.
enum ExitCode : int {
  kExitOk = 0,
  kExitFailure = 1,        ///< a mistake in the program itself
  kExitUsage = 2,          ///< wrong options or configuration
  kExitData = 3,           ///< a file or data set that is missing, damaged, does not fit, or cannot be written
  kExitDevice = 4,         ///< a device that is missing or has not enough memory
  kExitInterrupted = 130,  ///< stopped by SIGINT or SIGTERM, with a checkpoint written
};

}  // namespace engram::apps
