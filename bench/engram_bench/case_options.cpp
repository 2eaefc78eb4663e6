#include "bench/engram_bench/commands.h"

namespace engram::bench {

void add_case_options(apps::Cli& cli, CaseChoice& choice) {
  cli.group("Cases");
  cli.positional("FAMILY", &choice.families, "Families or cases (batch_norm, batch_norm/eval); all without one");
  cli.option("shape", &choice.shape, "Only cases whose name contains this");
  cli.option("scale", &choice.scale, "Size of the operands, in about MB").at_least(1).at_most(4096);
}

void add_timing_options(apps::Cli& cli, RunOptions& options) {
  cli.group("Timing");
  cli.option("device", &options.cases.device, "Where the cases run").choices({"cpu", "cuda", "emu"});
  cli.option("threads", &options.threads, "Threads of the CPU; 0 takes all").at_least(0);
  cli.option("repeat", &options.rounds, "Rounds; each case is sampled once in each, in an order drawn anew")
      .at_least(1)
      .at_most(100000);
  cli.option("sample-ms", &options.sample_ms, "What one sample's calls take together, at least").at_least(0);
  cli.option("seed", &options.seed, "Of the orders");
}

}  // namespace engram::bench
