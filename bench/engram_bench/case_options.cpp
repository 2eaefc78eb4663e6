#include "bench/engram_bench/commands.h"

namespace engram::bench {

void add_case_options(apps::Cli& cli, CaseChoice& choice) {
  cli.group("Cases");
  cli.positional("FAMILY", &choice.families, "Families or cases (batch_norm, batch_norm/eval); all without one");
  cli.option("shape", &choice.shape, "Only cases whose name contains this");
  cli.option("size", &choice.size, "Large operands, or those typical of networks and methods")
      .choices({"large", "typical"});
  cli.option("scale", &choice.scale, "MB of large operands, about; multiplies the small batches of typical ones")
      .at_least(1)
      .at_most(4096);
  cli.option("device", &choice.device, "Where the cases run").choices({"cpu", "cuda", "emu"});
  cli.option("order", &choice.order, "Of activations: blocks of 16 channels on the CPU, else channels-last")
      .choices({"device", "channels-last", "blocked", "planar"});
}

void add_timing_options(apps::Cli& cli, RunOptions& options) {
  cli.group("Timing");
  cli.option("threads", &options.threads, "Threads of the CPU; 0 takes all").at_least(0);
  cli.option("isa", &options.isa, "Most that kernels of our own may use of the CPU")
      .choices({"best", "avx2", "baseline"});
  cli.option("repeat", &options.rounds, "Rounds; each case is sampled once in each, in an order drawn anew")
      .at_least(1)
      .at_most(100000);
  cli.option("sample-ms", &options.sample_ms, "What one sample's calls take together, at least").at_least(0);
  cli.option("seed", &options.seed, "Of the orders");
}

}  // namespace engram::bench
