#pragma once
/// The commands of engram-genes: programs of their own, called "engram-genes NAME".

#include <string>
#include <vector>

#include "apps/common/main_wrapper.h"

namespace engram::apps {

/// A command: name, what it does in one line, and how it runs.
struct GenesCommand {
  std::string name, summary;
  ProgramFunction run;
};

int run_screen(Call& call);
int run_select(Call& call);
int run_simulate(Call& call);
int run_calibrate(Call& call);
int run_evaluate(Call& call);
int run_fit_cox(Call& call);
int run_fit_aft(Call& call);
int run_lasso(Call& call);

/// All commands, in the order of the help.
const std::vector<GenesCommand>& genes_commands();

}  // namespace engram::apps
