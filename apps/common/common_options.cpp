#include "apps/common/common_options.h"

#include <omp.h>

#include <cstdio>

#include "engine/allocator.h"
#include "engine/compute_mode.h"

namespace engram::apps {

void add_common_options(Cli& cli, CommonOptions& options) {
  cli.group("Running");
  cli.option("seed", &options.seed, "Seed of everything random");
  cli.option("threads", &options.threads, "Threads; 0 takes all cores, or OMP_NUM_THREADS").at_least(0).at_most(1024);
  cli.option("quiet", &options.quiet, "Show no progress").only_on_command_line();
}

void add_device_options(Cli& cli, CommonOptions& options) {
  options.device = "auto";
  cli.option("device", &options.device, "Device: auto, cpu, cuda, cuda:N, or emu (the CUDA kernels emulated, slow)");
  cli.option("math", &options.math, "How CUDA devices multiply in convolutions and matrix products")
      .choices({"f32", "tf32", "bf16"});
  cli.option("memory-limit", &options.memory_limit_mib, "Most MiB that tensors take on the device; 0 sets no limit")
      .at_least(0);
}

void add_run_options(Cli& cli, CommonOptions& options, bool optional) {
  cli.group("Output");
  Setting& out = cli.option("out", &options.out, "Run folder to create").only_on_command_line();
  out.required(optional ? "resume" : "");
  cli.option("force", &options.force, "Delete the run that the folder holds").only_on_command_line();
}

int apply_threads(const CommonOptions& options) {
  if (options.threads > 0) omp_set_num_threads(options.threads);
  return omp_get_max_threads();
}

OpenedDevice open_device(const CommonOptions& options) {
  OpenedDevice opened;
  opened.device = parse_device(options.device, &opened.note);
  set_math_mode(parse_math_mode(options.math));
  CachingAllocator::of(opened.device).set_limit(options.memory_limit_mib << 20);
  return opened;
}

double peak_mib(const Device& device) {
  return double(CachingAllocator::of(device).stats().peak_live_bytes) / (1 << 20);
}

void say_device(const CommonOptions& options, const OpenedDevice& opened) {
  if (!opened.note.empty() && !options.quiet) std::fprintf(stderr, "%s\n", opened.note.c_str());
}

RunInfo run_info(const Cli& cli, const CommonOptions& options, int threads) {
  RunInfo info{cli.program(), cli.arguments(), options.seed, threads, options.device};
  info.configuration = cli.resolved_config();
  return info;
}

}  // namespace engram::apps
