#pragma once
/// Completion of command lines in a shell, from the settings that a program registers.

#include <string>
#include <vector>

#include "apps/common/setting.h"

namespace engram::apps {

/// A bash script that completes the options of `program` ("engram-train", or "engram-genes select" for a command), the
/// choices of settings that have some, and file names elsewhere. Meant for  source <(engram-train --completion bash).
std::string bash_completion(const std::string& program, const std::vector<const Setting*>& settings);

/// A bash script for a program whose first word is one of `commands`: completes that word, then asks the command's own
/// script, which has to be there too.
std::string bash_command_completion(const std::string& program, const std::vector<std::string>& commands);

}  // namespace engram::apps
