/// engram-bench: lists, times, counts and compares the kernels and steps of this build, and guards their exact figures.

#include <csignal>

#include "apps/common/command_set.h"
#include "apps/common/thread_waiting.h"
#include "bench/engram_bench/commands.h"

int main(int argc, char** argv) {
  using namespace engram;
  apps::bound_waiting(argv);
  const std::vector<apps::Command> commands = {
      {"list", "lists the kernel cases", bench::run_list},
      {"run", "times kernel cases beside a copy", bench::run_run},
      {"counts", "counts what kernels do, exactly", bench::run_counts},
      {"step", "times steps of a training task or an inversion", bench::run_step},
      {"compare", "holds two builds, commits or files of results against each other", bench::run_compare},
      {"gate", "compares everything exact with the baseline of the repository", bench::run_gate},
      {"export", "writes results in the format of another tool", bench::run_export},
      {"page", "writes results and their history as HTML", bench::run_page},
      {"counted", "calls cases for callgrind, which counts and gate start", bench::run_counted},
  };
  return apps::run_main(
      "engram-bench",
      [&](apps::Call& call) {
        // There is nothing to save: a signal ends the program.
        for (const int signal : {SIGINT, SIGTERM}) std::signal(signal, SIG_DFL);
        return apps::run_command(call, "Measures the kernels and steps of this build, and guards their figures.",
                                 commands);
      },
      argc, argv);
}
