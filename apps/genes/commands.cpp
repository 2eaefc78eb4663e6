#include "apps/genes/commands.h"

#include <iomanip>
#include <ostream>

#include "apps/common/completion.h"
#include "apps/common/exit_code.h"
#include "apps/common/version.h"
#include "apps/programs.h"
#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::apps {
namespace {

void print_help(std::ostream& out) {
  out << "Finds the genes whose mutation changes what a treatment does, from censored survival data.\n"
      << "Usage: engram-genes COMMAND [OPTIONS]\n\nCommands:\n";
  for (const GenesCommand& command : genes_commands())
    out << "  " << std::left << std::setw(12) << command.name << command.summary << "\n";
  out << "\nengram-genes COMMAND --help shows a command's options.\n";
}

/// The command as a program of its own.
Call called(const Call& call, const GenesCommand& command, std::vector<std::string> words) {
  Call inner = call;
  inner.program += " " + command.name;
  inner.words = std::move(words);
  return inner;
}

/// The scripts of all commands, and that which chooses among them.
int print_completion(const Call& call) {
  std::vector<std::string> names;
  for (const GenesCommand& command : genes_commands()) {
    Call inner = called(call, command, call.words);
    if (command.run(inner) != kExitOk) return kExitFailure;
    names.push_back(command.name);
  }
  *call.out << bash_command_completion(call.program, names);
  return kExitOk;
}

}  // namespace

const std::vector<GenesCommand>& genes_commands() {
  static const std::vector<GenesCommand> commands = {
      {"select", "finds and checks the genes of a cohort, and writes a report", run_select},
      {"screen", "tests every gene of a cohort by itself", run_screen},
      {"simulate", "writes a cohort whose answer is known", run_simulate},
      {"calibrate", "measures how often the printed probabilities hold", run_calibrate},
      {"evaluate", "compares methods on simulated cohorts or against an answer key", run_evaluate},
      {"fit-cox", "fits one Cox model to chosen columns", run_fit_cox},
      {"fit-aft", "fits one accelerated-failure-time model to chosen columns", run_fit_aft},
      {"lasso", "fits an elastic-net Cox path with cross-validation", run_lasso}};
  return commands;
}

int run_genes(Call& call) {
  if (call.words.empty()) throw UsageError("expected a command (see --help)");
  const std::string name = call.words[0];
  if (name == "--help" || name == "-h") {
    print_help(*call.out);
    return kExitOk;
  }
  if (name == "--version") {
    *call.out << call.program << " " << version() << "\n";
    return kExitOk;
  }
  if (name == "--completion") return print_completion(call);
  std::vector<std::string> names;
  for (const GenesCommand& command : genes_commands()) {
    if (command.name == name) {
      Call inner = called(call, command, {call.words.begin() + 1, call.words.end()});
      return command.run(inner);
    }
    names.push_back(command.name);
  }
  throw UsageError(message("unknown command '", name, "'", did_you_mean(name, names), " (see --help)"));
}

}  // namespace engram::apps
