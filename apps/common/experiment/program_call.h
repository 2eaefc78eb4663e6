#pragma once
/// A cell's program, called in this process.

#include <functional>
#include <string>
#include <vector>

#include "apps/common/main_wrapper.h"

namespace engram::apps {

/// How a call ended.
struct CallResult {
  int exit_code = 0;
  std::string last_line;  ///< that it said on its `err`
};

/// Runs `program` under `name` with these words to its end, on the calling thread. Its results are dropped; each line
/// of its messages goes to `said`. `coming` is Call::coming.
CallResult call_program(const std::string& name, const ProgramFunction& program, std::vector<std::string> words,
                        const std::function<void(const std::string&)>& said,
                        const std::function<bool()>& stop_requested, const std::filesystem::path& coming = {});

}  // namespace engram::apps
