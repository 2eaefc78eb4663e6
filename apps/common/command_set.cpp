#include "apps/common/command_set.h"

#include <algorithm>
#include <iomanip>
#include <ostream>

#include "apps/common/completion.h"
#include "apps/common/exit_code.h"
#include "apps/common/version.h"
#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::apps {
namespace {

void print_help(const Call& call, const std::string& description, const std::vector<Command>& commands) {
  *call.out << description << "\nUsage: " << call.program << " COMMAND [OPTIONS]\n\nCommands:\n";
  for (const Command& command : commands)
    *call.out << "  " << std::left << std::setw(12) << command.name << command.summary << "\n";
  *call.out << "\n" << call.program << " COMMAND --help shows a command's options.\n";
}

/// The command as a program of its own.
Call called(const Call& call, const Command& command, std::vector<std::string> words) {
  Call inner = call;
  inner.program += " " + command.name;
  inner.words = std::move(words);
  return inner;
}

std::vector<std::string> names_of(const std::vector<Command>& commands) {
  std::vector<std::string> names;
  for (const Command& command : commands) names.push_back(command.name);
  return names;
}

/// The scripts of all commands, and that which chooses among them.
int print_completion(const Call& call, const std::vector<Command>& commands) {
  for (const Command& command : commands) {
    Call inner = called(call, command, call.words);
    if (command.run(inner) != kExitOk) return kExitFailure;
  }
  *call.out << bash_command_completion(call.program, names_of(commands));
  return kExitOk;
}

}  // namespace

int run_command(Call& call, const std::string& description, const std::vector<Command>& commands) {
  if (call.words.empty()) throw UsageError("expected a command (see --help)");
  const std::string name = call.words[0];
  if (name == "--help" || name == "-h") {
    print_help(call, description, commands);
    return kExitOk;
  }
  if (name == "--version") {
    *call.out << call.program << " " << version() << "\n";
    return kExitOk;
  }
  if (name == "--completion") return print_completion(call, commands);
  const auto found = std::ranges::find(commands, name, &Command::name);
  if (found == commands.end())
    throw UsageError(message("unknown command '", name, "'", did_you_mean(name, names_of(commands)), " (see --help)"));
  Call inner = called(call, *found, {call.words.begin() + 1, call.words.end()});
  return found->run(inner);
}

}  // namespace engram::apps
