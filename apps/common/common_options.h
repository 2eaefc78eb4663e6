#pragma once
/// Options that the programs have in common.

#include <cstdint>
#include <filesystem>
#include <string>

#include "apps/common/cli.h"
#include "apps/common/run_dir.h"

namespace engram::apps {

/// Where and how a run happens. `threads` 0 takes all cores (OMP_NUM_THREADS where it is set).
struct CommonOptions {
  std::uint64_t seed = 0;
  int threads = 0;
  std::string device = "auto";
  bool quiet = false;
  std::filesystem::path out;
  bool force = false;
};

/// Registers --seed, --threads, --device, --quiet.
void add_common_options(Cli& cli, CommonOptions& options);

/// Registers --out (required unless `optional`) and --force, for programs that write a run folder.
void add_run_options(Cli& cli, CommonOptions& options, bool optional = false);

/// Sets the number of threads of all kernels and returns the number in force.
int apply_threads(const CommonOptions& options);

/// What the manifest says: program, arguments, seed, `threads` as apply_threads() returned it, device.
RunInfo run_info(const Cli& cli, const CommonOptions& options, int threads);

}  // namespace engram::apps
