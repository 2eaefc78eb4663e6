#include "apps/common/common_options.h"

#include <omp.h>

#include "engine/allocator.h"
#include "engine/compute_mode.h"

namespace engram::apps {

void add_seed_option(Cli& cli, CommonOptions& options) {
  cli.option("seed", &options.seed, "Seed of everything random");
}

void add_running_options(Cli& cli, CommonOptions& options) {
  cli.group("Running");
  cli.option("threads", &options.threads, "Threads; 0 takes all cores, or OMP_NUM_THREADS").at_least(0).at_most(1024);
  cli.option("quiet", &options.quiet, "Show no progress").only_on_command_line();
}

void add_compute_options(Cli& cli, CommonOptions& options) {
  cli.option("device", &options.device, "Device: auto, cpu, cuda, cuda:N, or emu (the CUDA kernels emulated, slow)");
  cli.option("math", &options.math, "How CUDA devices multiply in convolutions and matrix products")
      .choices({"f32", "tf32", "bf16"});
  add_memory_limit_option(cli, options.memory_limit_mib,
                          "Most MiB that the run's tensors take on the device; 0 sets no limit");
  cli.option("exact", &options.exact, "Direct convolutions instead of Winograd");
  cli.option("profile", &options.profile, "Print calls, time, bytes and flops of every operation at the end")
      .only_on_command_line();
}

void add_memory_limit_option(Cli& cli, double& mib, const std::string& help) {
  cli.option("memory-limit", &mib, help).at_least(0).at_most(1e9);
}

void add_run_options(Cli& cli, CommonOptions& options) {
  cli.group("Output");
  cli.option("out", &options.out, "Run folder to create").only_on_command_line().required();
  cli.option("force", &options.force, "Delete the files of the run that the folder holds").only_on_command_line();
}

void add_resumable_run_options(Cli& cli, CommonOptions& options) {
  cli.group("Output");
  cli.option("out", &options.out, "Run folder to create").only_on_command_line().required("resume");
  cli.option("force", &options.force, "Delete the files of the run that the folder holds").only_on_command_line();
  cli.resume_option(&options.resume, "Continue the run in this folder, with its settings and inputs");
}

void add_training_run_options(Cli& cli, CommonOptions& options) {
  add_seed_option(cli, options);
  add_running_options(cli, options);
  add_compute_options(cli, options);
  add_resumable_run_options(cli, options);
}

void add_file_option(Cli& cli, std::filesystem::path& out, const std::string& what) {
  cli.group("Output");
  cli.option("out", &out,
             "Write " + what +
                 " to this file as well, replacing it; - is standard output, and the rest "
                 "goes to standard error then")
      .only_on_command_line()
      .output();
}

void add_limit_option(Cli& cli, std::int64_t& limit, const std::string& what) {
  cli.option("limit", &limit, "Take so many " + what + ", spread evenly over the set; 0 takes all").at_least(0);
}

void add_test_flip_option(Cli& cli, bool& flip) {
  cli.option("test-flip", &flip, "Average the logits of each test image and its mirror image");
}

int apply_threads(const CommonOptions& options) {
  if (options.threads > 0) omp_set_num_threads(options.threads);
  return omp_get_max_threads();
}

OpenedDevice open_device(const CommonOptions& options) {
  OpenedDevice opened;
  opened.device = parse_device(options.device, &opened.note);
  set_math_mode(parse_math_mode(options.math));
  set_conv_policy(options.exact ? kernels::ConvPolicy::kExact : kernels::ConvPolicy::kFast);
  opened.memory =
      std::make_unique<MemoryScope>(opened.device, std::int64_t(options.memory_limit_mib * double(1 << 20)));
  return opened;
}

double peak_mib(const Device& device) {
  return double(MemoryScope::stats_here(device).peak_live_bytes) / (1 << 20);
}

}  // namespace engram::apps
