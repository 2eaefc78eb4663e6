#pragma once
/// Programs that consist of commands: "engram-genes select".

#include <string>
#include <vector>

#include "apps/common/main_wrapper.h"

namespace engram::apps {

/// A command: name, what it does in one line, and how it runs.
struct Command {
  std::string name, summary;
  ProgramFunction run;
};

/// Runs the command that the call's first word names, as a program "PROGRAM NAME" of its own. Answers --help (the
/// description, then the commands in their order), --version and --completion itself. Throws UsageError for a missing
/// command, and for an unknown one, with the nearest.
int run_command(Call& call, const std::string& description, const std::vector<Command>& commands);

}  // namespace engram::apps
