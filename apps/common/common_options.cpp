#include "apps/common/common_options.h"

#include <omp.h>

namespace engram::apps {

void add_common_options(Cli& cli, CommonOptions& options) {
  cli.group("Running");
  cli.option("seed", &options.seed, "Seed of everything random");
  cli.option("threads", &options.threads, "Threads; 0 takes all cores, or OMP_NUM_THREADS").at_least(0).at_most(1024);
  cli.option("device", &options.device, "Device: auto or cpu");
  cli.option("quiet", &options.quiet, "Show no progress").only_on_command_line();
}

void add_run_options(Cli& cli, CommonOptions& options, bool optional) {
  cli.group("Output");
  Setting& out = cli.option("out", &options.out, "Run folder to create").only_on_command_line();
  if (!optional) out.required();
  cli.option("force", &options.force, "Delete the run that the folder holds").only_on_command_line();
}

int apply_threads(const CommonOptions& options) {
  if (options.threads > 0) omp_set_num_threads(options.threads);
  return omp_get_max_threads();
}

RunInfo run_info(const Cli& cli, const CommonOptions& options, int threads) {
  return {cli.program(), cli.arguments(), options.seed, threads, options.device};
}

}  // namespace engram::apps
