/// engram-bench list

#include <ostream>

#include "bench/engram_bench/commands.h"

namespace engram::bench {

int run_list(apps::Call& call) {
  CaseChoice choice;
  apps::Cli cli(call, "Lists the kernel cases: family/entry, one a line.");
  add_case_options(cli, choice);
  if (!cli.parse()) return 0;
  for (const BenchCase& one : chosen_cases(choice)) *call.out << one.name << "\n";
  return 0;
}

}  // namespace engram::bench
