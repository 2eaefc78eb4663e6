#pragma once
/// The commands of engram-genes. Each takes the words behind the program's name, its own name first, and returns the
/// exit code.

#include <string>
#include <vector>

namespace engram::apps {

/// A command: name, what it does in one line, and how it runs.
struct GenesCommand {
  std::string name, summary;
  int (*run)(int argc, const char* const* argv);
};

int run_screen(int argc, const char* const* argv);
int run_select(int argc, const char* const* argv);
int run_simulate(int argc, const char* const* argv);
int run_calibrate(int argc, const char* const* argv);
int run_evaluate(int argc, const char* const* argv);
int run_fit_cox(int argc, const char* const* argv);
int run_fit_aft(int argc, const char* const* argv);
int run_lasso(int argc, const char* const* argv);

/// All commands, in the order of the help.
const std::vector<GenesCommand>& genes_commands();

/// Runs the command that the first word names, or answers --help and --version. Throws UsageError for an unknown one,
/// with a suggestion.
int run_genes(int argc, const char* const* argv);

}  // namespace engram::apps
