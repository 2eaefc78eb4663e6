#pragma once
/// One call of a program.

#include <filesystem>
#include <functional>
#include <iosfwd>
#include <string>
#include <vector>

namespace engram::apps {

/// Everything that a program takes from outside beside its files, so that one process can run several at a time. The
/// streams outlive the call.
struct Call {
  std::string program;             ///< as the user calls it: "engram-train", "engram-genes select"
  std::vector<std::string> words;  ///< the command line behind it
  std::ostream* out;               ///< results: standard output
  std::ostream* err;               ///< messages and progress: standard error
  std::function<bool()> stop;      ///< whether the program is to save and end; asked once a step, from any thread
  bool terminal = false;           ///< `err` is a terminal: progress redraws its line
  /// Of a call with --check: a folder whose files will be there when the program runs. Then only settings, names and
  /// the presence of other inputs are checked; empty: what the inputs hold as well.
  std::filesystem::path coming = {};
};

/// Prints on a stream as printf does.
[[gnu::format(printf, 2, 3)]] void print(std::ostream& out, const char* format, ...);

}  // namespace engram::apps
