#include "apps/genes/commands.h"

#include <iomanip>
#include <iostream>

#include "apps/common/exit_code.h"
#include "apps/common/version.h"
#include "kernels/common/error.h"
#include "models/suggest.h"

namespace engram::apps {
namespace {

void print_help() {
  std::cout << "Finds the genes whose mutation changes what a treatment does, from censored survival data.\n"
            << "Usage: engram-genes COMMAND [OPTIONS]\n\nCommands:\n";
  for (const GenesCommand& command : genes_commands())
    std::cout << "  " << std::left << std::setw(12) << command.name << command.summary << "\n";
  std::cout << "\nengram-genes COMMAND --help shows a command's options.\n" << std::flush;
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

int run_genes(int argc, const char* const* argv) {
  if (argc < 2) throw UsageError("expected a command (see --help)");
  const std::string name = argv[1];
  if (name == "--help" || name == "-h") {
    print_help();
    return kExitOk;
  }
  if (name == "--version") {
    std::cout << "engram-genes " << version() << std::endl;
    return kExitOk;
  }
  std::vector<std::string> names;
  for (const GenesCommand& command : genes_commands()) {
    if (command.name == name) return command.run(argc - 1, argv + 1);
    names.push_back(command.name);
  }
  throw UsageError(message("unknown command '", name, "'", did_you_mean(name, names), " (see --help)"));
}

}  // namespace engram::apps
